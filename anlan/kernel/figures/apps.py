from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class FiguresConfig(AppConfig):
    name = "anlan.kernel.figures"
    label = "figures"

    def ready(self) -> None:
        # Registers are declared by now: this app stands after theirs.
        autodiscover_modules("measures")
        from ..registers import query
        from .lists import CountedIn

        query.narrow_by(CountedIn())
