from django.apps import AppConfig


class SheetsConfig(AppConfig):
    name = "anlan.kernel.sheets"
    label = "sheets"

    def ready(self) -> None:
        from ..registers import history
        from . import behind

        history.parts.append(behind.imports)
