"""What is adopted is held: a scheme's text, an appraisal and its scores, whoever asks."""

from django.db import migrations

HELD = """
CREATE FUNCTION plan_adopted_held() RETURNS trigger LANGUAGE plpgsql AS $fn$
BEGIN
  IF TG_TABLE_NAME = 'plan_scheme' THEN
    IF OLD.state <> 'draft' AND (TG_OP = 'DELETE' OR NEW.state = 'draft' OR (OLD.year, OLD.area_code, OLD.of, OLD.text)
        IS DISTINCT FROM (NEW.year, NEW.area_code, NEW.of, NEW.text)) THEN
      RAISE EXCEPTION 'scheme.locked: scheme % is %', OLD.id, OLD.state USING ERRCODE = 'restrict_violation';
    END IF;
  ELSIF TG_TABLE_NAME = 'plan_appraisal' THEN
    IF OLD.state = 'adopted' THEN
      RAISE EXCEPTION 'appraisal.locked: appraisal % is adopted', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
  ELSIF OLD.published THEN
    RAISE EXCEPTION 'score.locked: score % is published', OLD.id USING ERRCODE = 'restrict_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $fn$;
""" + "".join(
    f"CREATE TRIGGER held BEFORE UPDATE OR DELETE ON plan_{name} "
    "FOR EACH ROW EXECUTE FUNCTION plan_adopted_held();\n"
    for name in ("scheme", "appraisal", "score")
)
BACK = "".join(f"DROP TRIGGER held ON plan_{name};\n" for name in ("scheme", "appraisal", "score")) + (
    "DROP FUNCTION plan_adopted_held;"
)


class Migration(migrations.Migration):
    dependencies = [("plan", "0006_t_appraisal")]

    operations = [migrations.RunSQL(HELD, BACK)]
