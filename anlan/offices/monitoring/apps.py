from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "anlan.offices.monitoring"
    label = "monitoring"
