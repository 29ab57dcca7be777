from django.apps import AppConfig


class PlanConfig(AppConfig):
    name = "anlan.offices.plan"
    label = "plan"

    def ready(self) -> None:
        from anlan.kernel.figures import counted

        from .targets.standing import targets_of

        counted.targets.append(targets_of)
