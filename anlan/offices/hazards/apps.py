from django.apps import AppConfig


class HazardsConfig(AppConfig):
    name = "anlan.offices.hazards"
    label = "hazards"
