"""Addresses under /honesty/."""

from django.urls import path

from ..addresses import keyed
from . import views

app_name = "honesty"
urlpatterns = [
    path("", views.finds, name="finds"),
    path("look/", views.look, name="look"),
    path("<int:key>/", views.find, name="find"),
    path("<int:key>/say/", views.say, name="say"),
]

keyed("honesty:find", "honesty:say", of="honesty.Find", keys=lambda find: {"key": find.pk}, record="key")
