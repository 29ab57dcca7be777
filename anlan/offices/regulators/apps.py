from django.apps import AppConfig


class RegulatorsConfig(AppConfig):
    name = "anlan.offices.regulators"
    label = "regulators"
