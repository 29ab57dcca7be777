"""A plan is locked with its proposal: the database refuses what the states do not allow, whoever asks."""

from django.db import migrations

PLAN = """
CREATE FUNCTION plan_held() RETURNS trigger LANGUAGE plpgsql AS $fn$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.state <> 'draft' THEN
      RAISE EXCEPTION 'plan.locked: plan % is %', OLD.id, OLD.state USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
  END IF;
  IF OLD.state <> 'draft' AND
     (OLD.year, OLD.area_code, OLD.edition, OLD.title, OLD.title_en, OLD.issuer, OLD.issued_on, OLD.amends_id, OLD.reason,
      OLD.drafted_by_id, OLD.hands)
     IS DISTINCT FROM
     (NEW.year, NEW.area_code, NEW.edition, NEW.title, NEW.title_en, NEW.issuer, NEW.issued_on, NEW.amends_id, NEW.reason,
      NEW.drafted_by_id, NEW.hands) THEN
    RAISE EXCEPTION 'plan.locked: plan % is %', OLD.id, OLD.state USING ERRCODE = 'restrict_violation';
  END IF;
  IF OLD.published AND (OLD.adopted_by_id, OLD.adopted_at, OLD.proposed_by_id, OLD.proposed_at)
     IS DISTINCT FROM (NEW.adopted_by_id, NEW.adopted_at, NEW.proposed_by_id, NEW.proposed_at) THEN
    RAISE EXCEPTION 'plan.locked: plan % is %', OLD.id, OLD.state USING ERRCODE = 'restrict_violation';
  END IF;
  IF NEW.state <> OLD.state THEN
    IF (OLD.state, NEW.state) NOT IN (('draft', 'proposed'), ('draft', 'withdrawn'), ('proposed', 'draft'),
        ('proposed', 'adopted'), ('proposed', 'withdrawn'), ('adopted', 'superseded')) THEN
      RAISE EXCEPTION 'plan.state: from % to %', OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'adopted' AND
       (NEW.adopted_by_id = ANY (NEW.hands) OR NEW.adopted_by_id IN (NEW.drafted_by_id, NEW.proposed_by_id)) THEN
      RAISE EXCEPTION 'plan.own_draft: account % wrote in plan %', NEW.adopted_by_id, NEW.id
        USING ERRCODE = 'restrict_violation';
    END IF;
  END IF;
  RETURN NEW;
END $fn$;
CREATE TRIGGER held BEFORE UPDATE OR DELETE ON plan_plan FOR EACH ROW EXECUTE FUNCTION plan_held();
"""

# A clause, target or gap changes in a draft only. Who bears a duty goes on changing while the plan is in force.
PART = """
CREATE FUNCTION plan_part_held() RETURNS trigger LANGUAGE plpgsql AS $fn$
DECLARE
  row record;
  held record;
BEGIN
  IF TG_OP = 'DELETE' THEN row := OLD; ELSE row := NEW; END IF;
  IF TG_OP = 'UPDATE' AND (OLD.plan_id IS DISTINCT FROM NEW.plan_id OR TG_ARGV[0] = 'source') THEN
    RAISE EXCEPTION 'plan.locked: a part stays with its plan' USING ERRCODE = 'restrict_violation';
  END IF;
  SELECT id, state, area_code INTO held FROM plan_plan WHERE id = row.plan_id;
  IF NOT FOUND OR held.area_code < coalesce(current_setting('anlan.area_low', true), '~')
     OR held.area_code >= coalesce(current_setting('anlan.area_high', true), '')
     OR current_setting('anlan.enterprise', true) IS DISTINCT FROM '*' THEN
    RAISE EXCEPTION 'plan.scope: plan % is not in scope', row.plan_id USING ERRCODE = 'restrict_violation';
  END IF;
  IF held.state <> 'draft' AND NOT (TG_ARGV[0] = 'duty' AND held.state IN ('proposed', 'adopted')) THEN
    RAISE EXCEPTION 'plan.locked: plan % is %', held.id, held.state USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN row;
END $fn$;
""" + "".join(
    f"CREATE TRIGGER held BEFORE INSERT OR UPDATE OR DELETE ON plan_{part} "
    f"FOR EACH ROW EXECUTE FUNCTION plan_part_held('{part}');\n"
    for part in ("clause", "target", "gap", "source", "duty")
)

BACK = "".join(
    f"DROP TRIGGER held ON plan_{part};\n" for part in ("plan", "clause", "target", "gap", "source", "duty")
) + "DROP FUNCTION plan_held; DROP FUNCTION plan_part_held;"


class Migration(migrations.Migration):
    replaces = [("plan", "0004_locked")]
    dependencies = [("plan", "0001_tables")]

    operations = [migrations.RunSQL(PLAN + PART, BACK)]
