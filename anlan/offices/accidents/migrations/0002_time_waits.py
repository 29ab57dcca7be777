from django.db import migrations, models

# Accidents of which a district said already that it had reported earlier, not confirmed since.
WAITING = """
SELECT set_config(n, v, true) FROM (VALUES ('anlan.area_low', ''), ('anlan.area_high', '~'), ('anlan.industries', '*'),
    ('anlan.enterprise', '*'), ('anlan.actor_kind', 'command'), ('anlan.actor', 'migration')) AS s (n, v);
UPDATE accidents_accident a SET time_waits = true FROM accidents_report r
WHERE r.accident_id = a.id AND r.from_level = 'district' AND r.said_at IS NOT NULL AND r.kind <> 'confirmed'
  AND NOT EXISTS (SELECT FROM accidents_report c WHERE c.accident_id = a.id AND c.kind = 'confirmed' AND c.at = r.said_at);
"""


class Migration(migrations.Migration):
    dependencies = [("accidents", "0001_tables")]

    operations = [
        migrations.AddField(
            model_name="accident",
            name="time_waits",
            field=models.BooleanField(default=False, editable=False, verbose_name="Earlier time waits to be confirmed"),
        ),
        migrations.RunSQL(WAITING, migrations.RunSQL.noop),
    ]
