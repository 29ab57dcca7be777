from django.apps import AppConfig


class PublicConfig(AppConfig):
    name = "anlan.offices.public"
    label = "public"
