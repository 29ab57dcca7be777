"""Addresses of the enforcement office that no register serves."""

from django.urls import path

from . import views

app_name = "enforcement"
urlpatterns = [path("inspect-next/trial/", views.trial, name="trial")]
