"""Addresses of import, export and template, below /r/; they stand before the registers' own."""

from django.urls import path, re_path

from ..addresses import keyed, spelled
from ..registers.declaration import all_registers
from . import views
from .writing import TYPES

app_name = "sheets"
urlpatterns = [
    path("<slug:name>/import/", views.import_page, name="import"),
    path("<slug:name>/import/<int:number>/", views.record_page, name="record"),
    path("<slug:name>/import/<int:number>/proceed/", views.proceed, name="proceed"),
    path("<slug:name>/import/<int:number>/errors.xlsx", views.errors_file, name="errors"),
    path("<slug:name>/import/<int:number>/undo/", views.undo_import, name="undo"),
    path("<slug:name>/template.xlsx", views.template_file, name="template"),
    re_path(r"^(?P<name>[a-z0-9-]+)/export\.(?P<form>xlsx|csv|parquet)$", views.export_file, name="export"),
]

spelled("sheets:import", "sheets:template", values=lambda: [{"name": r.name} for r in all_registers()])
spelled("sheets:export", values=lambda: [{"name": r.name, "form": form} for r in all_registers() for form in TYPES])
keyed(
    "sheets:record", "sheets:proceed", "sheets:errors", "sheets:undo", of="sheets.Import",
    keys=lambda i: {"name": i.register, "number": i.pk}, record="number",
)  # fmt: skip
