"""Addresses for everybody, without sign-in; the language stands in the address, so that caches may keep the page."""

from django.urls import path

from anlan.kernel.addresses import public

from .views import majors

urlpatterns = [
    path("dangers/", majors.public, name="public-dangers"),
    path("dangers/en/", majors.public, {"language": "en"}, name="public-dangers-en"),
]
public("public-dangers", "what two officials decided that everybody may read")
public("public-dangers-en", "the same in English")
