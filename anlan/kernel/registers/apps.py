from django.apps import AppConfig


class RegistersConfig(AppConfig):
    name = "anlan.kernel.registers"
    label = "registers"
