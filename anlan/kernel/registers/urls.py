"""Addresses of the registers' pages, below /r/."""

from django.urls import path

from . import views

app_name = "registers"
urlpatterns = [
    path("<slug:name>/", views.list_page, name="list"),
    path("<slug:name>/new/", views.form_page, name="new"),
    path("<slug:name>/<int:key>/", views.record_page, name="record"),
    path("<slug:name>/<int:key>/edit/", views.form_page, name="edit"),
]
