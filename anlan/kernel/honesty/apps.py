from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class HonestyConfig(AppConfig):
    name = "anlan.kernel.honesty"
    label = "honesty"

    def ready(self) -> None:
        autodiscover_modules("honesty")
