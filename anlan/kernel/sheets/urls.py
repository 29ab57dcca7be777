"""Addresses of import, export and template, below /r/; they stand before the registers' own."""

from django.urls import path, re_path

from . import views

app_name = "sheets"
urlpatterns = [
    path("<slug:name>/import/", views.import_page, name="import"),
    path("<slug:name>/import/<int:number>/undo/", views.undo_import, name="undo"),
    path("<slug:name>/template.xlsx", views.template_file, name="template"),
    re_path(r"^(?P<name>[a-z0-9-]+)/export\.(?P<form>xlsx|csv|parquet)$", views.export_file, name="export"),
]
