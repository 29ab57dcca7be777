from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "anlan.site"
    label = "site"
