from django.apps import AppConfig


class SheetsConfig(AppConfig):
    name = "anlan.kernel.sheets"
    label = "sheets"
