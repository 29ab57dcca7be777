from django.apps import AppConfig


class SupervisionConfig(AppConfig):
    name = "anlan.offices.supervision"
    label = "supervision"
