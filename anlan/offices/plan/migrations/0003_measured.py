from django.db import migrations, models

import anlan.offices.plan.models

# Plans in force are held; that their caps are measured as before is no change of theirs.
KNOWN = """
SELECT set_config(n, v, true) FROM (VALUES ('anlan.area_low', ''), ('anlan.area_high', '~'), ('anlan.industries', '*'),
    ('anlan.enterprise', '*'), ('anlan.actor_kind', 'command'), ('anlan.actor', 'migration')) AS s (n, v);
ALTER TABLE plan_target DISABLE TRIGGER held;
UPDATE plan_target t SET measure = k.measure
FROM (VALUES ('事故死亡人数', 'accidents.deaths'), ('较大事故', 'accidents.larger'), ('重大事故', 'accidents.major'),
      ('特大事故', 'accidents.extraordinary'), ('特别重大事故', 'accidents.extraordinary')) AS k (words, measure)
WHERE t.subject ~ ('^(全[市区县州省])?(各类)?(安全)?(生产)?(安全)?' || k.words || '$');
ALTER TABLE plan_target ENABLE TRIGGER held;
"""


class Migration(migrations.Migration):
    dependencies = [("plan", "0002_held")]

    operations = [
        migrations.AddField(
            model_name="target",
            name="measure",
            field=models.CharField(
                blank=True, choices=anlan.offices.plan.models.measures, db_collation="C", default="",
                help_text="The figure that shows how far the target is reached.", max_length=80,
                verbose_name="Measured by",
            ),
        ),
        migrations.RunSQL(KNOWN, migrations.RunSQL.noop),
    ]
