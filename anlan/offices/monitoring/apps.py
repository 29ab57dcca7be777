from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MonitoringConfig(AppConfig):
    name = "anlan.offices.monitoring"
    label = "monitoring"

    def ready(self) -> None:
        from anlan.kernel.registers import query

        from .live_map import OnTheMap

        query.narrow_by(OnTheMap())
        post_migrate.connect(_reference, sender=self, dispatch_uid="anlan.monitoring.reference")


def _reference(using: str, **_: Any) -> None:
    from .reference import load

    if using == "owner":
        load(using)
