"""Addresses for everybody, without sign-in; the language stands in the address, so that caches may keep the page."""

from django.urls import path

from .views.majors import public

urlpatterns = [
    path("dangers/", public, name="public-dangers"),
    path("dangers/en/", public, {"language": "en"}, name="public-dangers-en"),
]
