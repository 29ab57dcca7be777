from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "anlan.kernel.cases"
    label = "cases"
