from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class CasesConfig(AppConfig):
    name = "anlan.kernel.cases"
    label = "cases"

    def ready(self) -> None:
        autodiscover_modules("lifecycle")
