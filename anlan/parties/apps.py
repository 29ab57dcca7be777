from django.apps import AppConfig


class PartiesConfig(AppConfig):
    name = "anlan.parties"
    label = "parties"
