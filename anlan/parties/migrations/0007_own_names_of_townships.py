from typing import Any

from django.db import migrations

from anlan.parties.placenames import all_without_place

SCOPE = """
SELECT set_config(n, v, true) FROM (VALUES ('anlan.area_low', ''), ('anlan.area_high', '~'), ('anlan.industries', '*'),
    ('anlan.enterprise', '*'), ('anlan.actor_kind', 'command'), ('anlan.actor', 'migration')) AS s (n, v)
"""


def fill(apps: Any, schema_editor: Any) -> None:
    """The names without their places anew, townships in short left out too. Nobody changed an enterprise: the audit says nothing of it."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(SCOPE)
        cursor.execute("SELECT id, name FROM parties_enterprise")
        rows = cursor.fetchall()
        cursor.execute("CREATE TEMP TABLE own_names (id bigint, own_name text) ON COMMIT DROP")
        with cursor.copy("COPY own_names FROM STDIN") as copy:
            for (key, _name), own in zip(rows, all_without_place([name for _key, name in rows]), strict=True):
                if own:
                    copy.write_row((key, own))
        cursor.execute("ALTER TABLE parties_enterprise DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE parties_enterprise e SET own_name = o.own_name FROM own_names o "
            "WHERE e.id = o.id AND e.own_name <> o.own_name"
        )
        cursor.execute("ALTER TABLE parties_enterprise ENABLE TRIGGER USER")


class Migration(migrations.Migration):
    dependencies = [("parties", "0006_own_names")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
