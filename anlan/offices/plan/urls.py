"""Addresses under /plan/."""

from django.urls import path

from . import views

app_name = "plan"
urlpatterns = [
    path("clauses/", views.clauses, name="clauses"),
    path("<int:key>/adopt/", views.adopt, name="adopt"),
]
