"""Addresses of the monitoring office that no register or case page serves."""

from django.urls import path

from . import views, views_intake

app_name = "monitoring"
urlpatterns = [
    path("", views.coverage, name="coverage"),
    path("desk/", views.desk, name="desk"),
    path("intake/", views_intake.intake, name="intake"),
    path("keys/<int:pk>/", views_intake.device_key, name="key"),
]
