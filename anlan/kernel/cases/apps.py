from __future__ import annotations

from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "anlan.kernel.cases"
    label = "cases"

    def ready(self) -> None:
        from .lifecycle import discover

        discover()
