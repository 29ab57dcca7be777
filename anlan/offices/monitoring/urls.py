"""Addresses of the monitoring office that no register or case page serves."""

from django.urls import path

from . import views

app_name = "monitoring"
urlpatterns = [path("", views.coverage, name="coverage"), path("desk/", views.desk, name="desk")]
