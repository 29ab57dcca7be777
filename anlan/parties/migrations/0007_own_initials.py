from typing import Any

import django.core.validators
from django.db import migrations, models

from anlan.parties.names import all_initials

SCOPE = """
SELECT set_config(n, v, true) FROM (VALUES ('anlan.area_low', ''), ('anlan.area_high', '~'), ('anlan.industries', '*'),
    ('anlan.enterprise', '*'), ('anlan.actor_kind', 'command'), ('anlan.actor', 'migration')) AS s (n, v)
"""


def fill(apps: Any, schema_editor: Any) -> None:
    """The initials of names without their places. Nobody changed an enterprise: the audit says nothing of it."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(SCOPE)
        cursor.execute("SELECT id, own_name FROM parties_enterprise WHERE own_name <> ''")
        rows = cursor.fetchall()
        cursor.execute("CREATE TEMP TABLE own_initials (id bigint, own_pinyin text) ON COMMIT DROP")
        with cursor.copy("COPY own_initials FROM STDIN") as copy:
            for (key, _name), initials in zip(rows, all_initials([name for _key, name in rows]), strict=True):
                copy.write_row((key, initials))
        cursor.execute("ALTER TABLE parties_enterprise DISABLE TRIGGER USER")
        cursor.execute("UPDATE parties_enterprise e SET own_pinyin = o.own_pinyin FROM own_initials o WHERE e.id = o.id")
        cursor.execute("ALTER TABLE parties_enterprise ENABLE TRIGGER USER")


class Migration(migrations.Migration):
    dependencies = [("parties", "0006_own_names")]

    operations = [
        migrations.AlterField(
            model_name="enterprise",
            name="gb4754",
            field=models.CharField(
                blank=True, default="", max_length=4, verbose_name="GB/T 4754 code",
                validators=[
                    django.core.validators.RegexValidator(
                        "\\A[0-9]{2,4}\\Z", "A code of GB/T 4754 is two to four digits, like 2610."
                    )
                ],
            ),
        ),
        migrations.AlterField(
            model_name="enterprise",
            name="revenue",
            field=models.DecimalField(
                blank=True, null=True, decimal_places=2, max_digits=14, verbose_name="Yearly revenue (10,000 yuan)",
                validators=[django.core.validators.MinValueValidator(0)],
            ),
        ),
        migrations.AddField(
            model_name="enterprise",
            name="own_pinyin",
            field=models.CharField(
                blank=True, db_collation="C", default="", editable=False, max_length=120,
                verbose_name="Pinyin initials without its place",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="enterprise",
            index=models.Index(fields=["own_pinyin", "area_code"], name="enterprise_by_own_pinyin"),
        ),
    ]  # fmt: skip
