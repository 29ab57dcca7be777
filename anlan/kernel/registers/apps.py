from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class RegistersConfig(AppConfig):
    name = "anlan.kernel.registers"
    label = "registers"

    def ready(self) -> None:
        autodiscover_modules("registers")
