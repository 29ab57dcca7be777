from django.apps import AppConfig


class EnterprisesConfig(AppConfig):
    name = "anlan.offices.enterprises"
    label = "enterprises"
