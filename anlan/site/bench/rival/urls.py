"""A list for each register that is compared."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.urls import URLPattern, URLResolver, path

from anlan.kernel.registers.declaration import Register, register_named

NAMES = ("enterprises", "dangers", "accidents")


class Site(admin.AdminSite):
    """Open to whoever reaches it."""

    def has_permission(self, request: Any) -> bool:
        return True


class Lists(admin.ModelAdmin):
    """Open likewise."""

    def has_module_permission(self, request: Any) -> bool:
        return True

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return True

    has_change_permission = has_view_permission

    def has_add_permission(self, request: Any) -> bool:
        return False


def _of(declared: type[Register]) -> type[Lists]:
    shown = {c: f for c in declared.columns if (f := declared.field(c)) is not None}
    filters = [f for c in declared.filters if (f := declared.field(c)) is not None]
    return type(
        declared.__name__,
        (Lists,),
        {
            "list_display": [*shown],
            "list_filter": [f.name for f in filters if f.choices or isinstance(f, models.BooleanField)],
            "list_select_related": [c for c, f in shown.items() if isinstance(f, models.ForeignKey)],
            "search_fields": [*declared.search],
            "list_per_page": 50,
            "ordering": [declared.order],
        },
    )


site = Site()
urlpatterns: list[URLPattern | URLResolver] = []
for _name in NAMES:
    _declared = register_named(_name)
    assert _declared is not None
    site.register(_declared.model, _of(_declared))
    urlpatterns.append(path(f"{_name}/", site.get_model_admin(_declared.model).changelist_view))
urlpatterns.append(path("admin/", site.urls))  # which of its addresses there are follows from what was registered
