from django.apps import AppConfig


class EnforcementConfig(AppConfig):
    name = "anlan.offices.enforcement"
    label = "enforcement"
