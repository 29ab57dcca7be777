from django.apps import AppConfig


class PlanConfig(AppConfig):
    name = "anlan.offices.plan"
    label = "plan"
