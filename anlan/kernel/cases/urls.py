"""Under `/c/`."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "cases"
urlpatterns = [
    path("<slug:kind>/", views.list_page, name="list"),
    path("<slug:kind>/<str:number>/", views.case_page, name="case"),
    path("<slug:kind>/<str:number>/evidence/<int:file_id>/", views.evidence, name="evidence"),
    path("<slug:kind>/<str:number>/<slug:move>/", views.make_move, name="move"),
]
