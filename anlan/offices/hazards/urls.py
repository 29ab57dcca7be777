"""Addresses of the hidden-danger office that no register or case page serves."""

from django.urls import path

from . import views

app_name = "hazards"
urlpatterns = [path("report/", views.report, name="report")]
