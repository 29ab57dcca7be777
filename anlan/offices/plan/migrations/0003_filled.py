"""What plans of before lack: published where adopted, areas, the plan of each duty, the post of each person."""

from django.db import migrations

SCOPE = """
SELECT set_config('anlan.area_low', '', true), set_config('anlan.area_high', '~', true),
  set_config('anlan.industries', '*', true), set_config('anlan.enterprise', '*', true),
  set_config('anlan.actor_kind', 'command', true), set_config('anlan.actor', 'migrate', true)
"""
FILL = [
    SCOPE,
    "UPDATE plan_plan SET published = (state = 'adopted'), hands = array_remove(ARRAY[drafted_by_id], NULL)",
    "UPDATE plan_clause c SET area_code = p.area_code FROM plan_plan p WHERE p.id = c.plan_id",
    "UPDATE plan_target t SET area_code = p.area_code FROM plan_plan p WHERE p.id = t.plan_id",
    "UPDATE plan_duty d SET area_code = p.area_code, plan_id = p.id FROM plan_clause c, plan_plan p "
    "WHERE c.id = d.clause_id AND p.id = c.plan_id",
    "UPDATE plan_duty d SET post_id = (SELECT min(t.id) FROM parties_post t WHERE t.person_id = d.person_id "
    "AND t.authority_id = d.authority_id AND NOT (t.head AND d.first))",
]


class Migration(migrations.Migration):
    dependencies = [("plan", "0002_drafting")]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
