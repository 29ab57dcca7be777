from __future__ import annotations

from typing import Any

from django.db import migrations


def seal_what_is_open(apps: Any, schema_editor: Any) -> None:
    """Authenticators' secrets and recovery codes of before, which stood in the tables as they are."""
    from anlan.kernel import sealing

    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('anlan.actor_kind', 'command', true)")
    Device = apps.get_model("otp_totp", "TOTPDevice")
    for device in Device.objects.using(connection.alias).exclude(key__startswith="1."):
        device.key = sealing.seal(bytes.fromhex(device.key), f"totp:{device.user_id}")
        device.save(update_fields=["key"])
    Token = apps.get_model("otp_static", "StaticToken")
    for token in Token.objects.using(connection.alias).select_related("device"):
        token.token = sealing.marks(token.token, f"recovery:{token.device.user_id}")[0]
        token.save(update_fields=["token"])


class Migration(migrations.Migration):
    dependencies = [
        ("otp_static", "0003_add_timestamps"),
        ("otp_totp", "0003_add_timestamps"),
        ("parties", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Authenticator",
            fields=[],
            options={"proxy": True, "indexes": [], "constraints": []},
            bases=("otp_totp.totpdevice",),
        ),
        migrations.CreateModel(
            name="Recovery",
            fields=[],
            options={"proxy": True, "indexes": [], "constraints": []},
            bases=("otp_static.staticdevice",),
        ),
        migrations.RunPython(seal_what_is_open, migrations.RunPython.noop),
    ]
