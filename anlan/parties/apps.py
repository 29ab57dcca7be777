from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules


class PartiesConfig(AppConfig):
    name = "anlan.parties"
    label = "parties"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        from anlan.kernel.policies import of_others
        from anlan.kernel.registers.shown import shown
        from anlan.kernel.scope import Machinery, Mine, Shut, Through

        of_others(
            {
                "otp_totp_totpdevice": Mine("user_id"),
                "otp_static_staticdevice": Mine("user_id"),
                "otp_static_statictoken": Through("device"),
                # Who tried to sign in, from where: nobody's request reads it, the lock-out does.
                "axes_accessattempt": Machinery(),
                "axes_accessattemptexpiration": Machinery(),
                "axes_accessfailurelog": Machinery(),
                "axes_accesslog": Shut("sign-ins stand in the audit"),
            }
        )

        import_module("anlan.parties.seats")  # says who sits where
        autodiscover_modules("track")

        shown.connect(_personal, dispatch_uid="anlan.parties.looks")
        # Django would save the whole account and raise its version; `signin` notes the time itself.
        user_logged_in.disconnect(dispatch_uid="update_last_login")
        post_migrate.connect(_reference, sender=self, dispatch_uid="anlan.parties.reference")


def _reference(using: str, **_: Any) -> None:
    from .reference import load

    if using == "owner":
        load(using)


def _personal(sender: Any, records: list[Any], page: str, **_: Any) -> None:
    from .looks import looked

    if getattr(sender, "personal", False):
        looked(records, page)
