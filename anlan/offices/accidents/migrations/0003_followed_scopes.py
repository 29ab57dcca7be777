from django.db import migrations, models

EVERYWHERE = """
SELECT set_config(n, v, true) FROM (VALUES ('anlan.area_low', ''), ('anlan.area_high', '~'), ('anlan.industries', '*'),
    ('anlan.enterprise', '*'), ('anlan.actor_kind', 'command'), ('anlan.actor', 'migration')) AS s (n, v);
"""
# Receipts: the industry of the accident of that number, and the account of who opened it there or passed it on.
RECEIPTS = """
UPDATE accidents_handedover h SET industry_id = a.industry_id,
  by_id = (SELECT min(e.by_id) FROM cases_caseentry e WHERE e.case_kind = 'accident' AND e.case_id = a.id
           AND e.move IN ('open', 'pass_outside') AND e.by_name = h.by_name)
FROM accidents_accident a WHERE a.number = h.number;
"""
# What hangs on accidents that were corrected before it followed them by itself.
PARTS = ("caseentry", "evidencefile", "extension", "pause", "handler", "reminder")
KINDS = {"accident": "c.enterprise_id", "report_fault": "NULL::bigint"}
FOLLOW = "".join(
    f"""
UPDATE cases_{part} p SET area_code = c.area_code, industry_id = c.industry_id, enterprise_id = {enterprise}
FROM accidents_{kind.replace("_", "")} c WHERE p.case_kind = '{kind}' AND p.case_id = c.id
  AND (p.area_code, p.industry_id, p.enterprise_id) IS DISTINCT FROM (c.area_code, c.industry_id, {enterprise});
"""
    for kind, enterprise in KINDS.items()
    for part in PARTS
)


class Migration(migrations.Migration):
    dependencies = [("accidents", "0002_time_waits"), ("cases", "0005_latest_entries")]

    operations = [
        migrations.AddField(
            model_name="handedover",
            name="industry_id",
            field=models.CharField(editable=False, max_length=24, null=True),
        ),
        migrations.AddField(
            model_name="handedover", name="by_id", field=models.BigIntegerField(editable=False, null=True)
        ),
        migrations.RunSQL(EVERYWHERE + RECEIPTS + FOLLOW, migrations.RunSQL.noop),
    ]
