"""Addresses of the registers' pages, below /r/."""

from django.urls import path

from ..addresses import keyed, spelled
from . import views
from .declaration import all_registers

app_name = "registers"
urlpatterns = [
    path("-/area/", views.pick_area, name="pick-area"),
    path("-/division/", views.pick_division, name="pick-division"),
    path("<slug:name>/", views.list_page, name="list"),
    path("<slug:name>/new/", views.form_page, name="new"),
    path("<slug:name>/views/", views.keep_view, name="views"),
    path("<slug:name>/pick/", views.pick, name="pick"),
    path("<slug:name>/<str:key>/", views.record_page, name="record"),
    path("<slug:name>/<str:key>/edit/", views.form_page, name="edit"),
    path("<slug:name>/<str:key>/remove/", views.remove_page, name="remove"),
]

spelled(
    "registers:list", "registers:new", "registers:pick", "registers:views",
    values=lambda: [{"name": r.name} for r in all_registers()],
)  # fmt: skip
keyed(
    "registers:record",
    "registers:edit",
    "registers:remove",
    of=lambda: {r.model for r in all_registers()},
    keys=lambda row: [{"name": r.name, "key": row.pk} for r in all_registers() if r.model is type(row)],
    record="key",
)
