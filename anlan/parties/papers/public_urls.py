"""Addresses for everybody, without sign-in; the language stands in the address, so that caches may keep the page."""

from django.urls import path

from anlan.kernel.addresses import keyed, public
from anlan.parties.models import PaperFile

from . import views

urlpatterns = [
    path("papers/", views.public, name="public-papers"),
    path("papers/en/", views.public, {"language": "en"}, name="public-papers-en"),
    path("papers/<int:key>/", views.public_paper, name="public-paper"),
    path("papers/<int:key>/en/", views.public_paper, {"language": "en"}, name="public-paper-en"),
    path("papers/<int:key>/<slug:form>/", views.public_file, name="public-paper-file"),
]
WHY = "a paper that its authority published to everybody"
keyed("public-paper", "public-paper-en", of="parties.IssuedPaper", keys=lambda row: {"key": row.pk}, record="key")
keyed(
    "public-paper-file",
    of="parties.IssuedPaper",
    keys=lambda row: [{"key": row.pk, "form": form} for form, _name in PaperFile.FORMS],
    record="key",
)
for name in ("public-papers", "public-papers-en", "public-paper", "public-paper-en", "public-paper-file"):
    public(name, WHY)
