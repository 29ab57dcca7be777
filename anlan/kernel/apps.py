from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules


class KernelConfig(AppConfig):
    name = "anlan.kernel"
    label = "kernel"

    def ready(self) -> None:
        from .policies import of_others
        from .scope import Machinery, Open, Shut

        unused = Shut("nothing of the product reads or writes it")
        of_others(
            {
                "django_migrations": Shut("the owner's, who migrates"),
                "django_content_type": Open("names of kinds of records, nothing of any record"),
                "django_session": unused,
                "auth_group": unused,
                "auth_permission": unused,
                "auth_group_permissions": unused,
                "procrastinate_jobs": Machinery(),
                "procrastinate_events": Machinery(),
                "procrastinate_workers": Machinery(),
                "procrastinate_periodic_defers": Machinery(),
            }
        )
        # After the last app's migrations, so that every table is there.
        post_migrate.connect(_secure, dispatch_uid="anlan.kernel.secure")
        autodiscover_modules("events", "jobs")


def _secure(sender: AppConfig, using: str, **_: Any) -> None:
    from django.apps import apps
    from django.db import connections

    from .policies import secure

    # The signal is sent only for apps that have models.
    if using == "owner" and sender is [c for c in apps.get_app_configs() if c.models_module is not None][-1]:
        secure(connections[using])
