"""A closed month is held by the database: its progress reports and points by hand, whoever asks, exceptions apart.

Whoever changes something takes the month's lock together with others, who closes it takes it alone: so a change is
either there before the figures are kept, or refused.
"""

from django.db import migrations

PERIOD = """
CREATE FUNCTION plan_period_held() RETURNS trigger LANGUAGE plpgsql AS $fn$
DECLARE
  one jsonb;
  several jsonb[] := '{}';
  day date;
  shut record;
  today date := (coalesce(nullif(current_setting('anlan.now', true), '')::timestamptz, now())
                 AT TIME ZONE 'Asia/Shanghai')::date;
BEGIN
  IF TG_OP <> 'INSERT' THEN several := array_append(several, to_jsonb(OLD)); END IF;
  IF TG_OP <> 'DELETE' THEN several := array_append(several, to_jsonb(NEW)); END IF;
  FOREACH one IN ARRAY several LOOP
    day := (one ->> TG_ARGV[0])::date;
    PERFORM pg_advisory_xact_lock_shared(
      hashtext('anlan.plan.closing'), extract(year FROM day)::int * 12 + extract(month FROM day)::int);
    SELECT id, period, within INTO shut FROM plan_closedperiod
      WHERE period = to_char(day, 'YYYY-MM') AND starts_with(one ->> 'area_code', within)
      ORDER BY length(within) LIMIT 1;
    IF FOUND AND NOT EXISTS (
      SELECT FROM plan_periodexception e
      WHERE e.closing_id = shut.id AND e.account_id::text = current_setting('anlan.account', true)
        AND e.closed_at IS NULL AND e.until >= today AND starts_with(one ->> 'area_code', e.within)
        AND e.code IN ('', coalesce(one ->> TG_ARGV[1], '')))
    THEN
      RAISE EXCEPTION 'period.closed: % is closed for %', shut.period, shut.within USING ERRCODE = 'restrict_violation';
    END IF;
  END LOOP;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $fn$;
CREATE TRIGGER period_held BEFORE INSERT OR UPDATE OR DELETE ON plan_progressreport
  FOR EACH ROW EXECUTE FUNCTION plan_period_held('last_day', 'code');
CREATE TRIGGER period_held BEFORE INSERT OR UPDATE OR DELETE ON plan_hand
  FOR EACH ROW EXECUTE FUNCTION plan_period_held('on', '-');

CREATE FUNCTION plan_closing_alone() RETURNS trigger LANGUAGE plpgsql AS $fn$
BEGIN
  IF NOT starts_with(NEW.within, coalesce(current_setting('anlan.area_low', true), '~')) THEN
    RAISE EXCEPTION 'period.scope: % lies outside of the scope in force', NEW.within USING ERRCODE = 'restrict_violation';
  END IF;
  PERFORM pg_advisory_xact_lock(
    hashtext('anlan.plan.closing'), left(NEW.period, 4)::int * 12 + right(NEW.period, 2)::int);
  RETURN NEW;
END $fn$;
CREATE TRIGGER alone BEFORE INSERT ON plan_closedperiod FOR EACH ROW EXECUTE FUNCTION plan_closing_alone();
"""

# An exception is opened by who stands above; from then on it can be closed, once, and nothing else.
EXCEPTION = """
CREATE FUNCTION plan_exception_held() RETURNS trigger LANGUAGE plpgsql AS $fn$
DECLARE
  own text := coalesce(current_setting('anlan.area_low', true), '~');
  closed text;
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'exception.kept: exceptions stay on record' USING ERRCODE = 'restrict_violation';
  END IF;
  IF TG_OP = 'INSERT' THEN
    SELECT within INTO closed FROM plan_closedperiod WHERE id = NEW.closing_id;
    IF NOT (starts_with(NEW.within, own) AND (length(own) < length(NEW.within) OR length(own) <= 2)
            AND length(own) <= length(closed)) THEN
      RAISE EXCEPTION 'exception.above: the authority above opens an exception' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.closed_at IS NOT NULL OR NEW.closed_at IS NULL OR
     (OLD.closing_id, OLD.account_id, OLD.area_code, OLD.within, OLD.code, OLD.until, OLD.reason, OLD.opened_by_id,
      OLD.opened_by_name, OLD.opened_at) IS DISTINCT FROM
     (NEW.closing_id, NEW.account_id, NEW.area_code, NEW.within, NEW.code, NEW.until, NEW.reason, NEW.opened_by_id,
      NEW.opened_by_name, NEW.opened_at) THEN
    RAISE EXCEPTION 'exception.held: exception % can only be closed', OLD.id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $fn$;
CREATE TRIGGER held BEFORE INSERT OR UPDATE OR DELETE ON plan_periodexception
  FOR EACH ROW EXECUTE FUNCTION plan_exception_held();
"""

BACK = """
DROP TRIGGER held ON plan_periodexception;
DROP FUNCTION plan_exception_held;
DROP TRIGGER alone ON plan_closedperiod;
DROP FUNCTION plan_closing_alone;
DROP TRIGGER period_held ON plan_hand;
DROP TRIGGER period_held ON plan_progressreport;
DROP FUNCTION plan_period_held;
"""


class Migration(migrations.Migration):
    dependencies = [("plan", "0009_d_progress")]

    operations = [migrations.RunSQL(PERIOD + EXCEPTION, BACK)]
