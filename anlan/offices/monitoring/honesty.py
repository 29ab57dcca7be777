"""By what signs the handling of warnings lies. Thresholds stand in `law/honesty.yaml`; see docs/honesty.md."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from anlan.kernel.honesty import check, sql

check(
    name="monitoring.dates", register="warnings", severity="grave",
    title=_("Warnings dealt with before they were raised"),
    looks_for=_("A warning that ends before the reading, or before its own opening."),
    method=_("Warnings opened in the month: the end of the case against its opening, and against the time of the "
             "reading by the device's clock, which may be ahead by some minutes. No chance: each is a find."),
    words=_("%(n)s warnings end before they begin"),
    limits={"ahead": "monitoring.honesty_ahead"},
    sql=f"""
    WITH odd AS MATERIALIZED (
        SELECT id, rpad(left(area_code, 6), 12, '0') AS area,
               to_char(closed_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI') || ' < '
               || to_char(greatest(opened_at, measured_at) AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI') AS said
        FROM monitoring_earlywarning
        WHERE opened_at >= %(begin)s AND opened_at < %(until)s
          AND (closed_at < opened_at OR closed_at < measured_at - make_interval(mins => %(ahead)s)))
    SELECT a.*, {sql.records("odd", "said")} AS records
    FROM (SELECT area, count(*) AS n FROM odd GROUP BY area) a
    """,
)  # fmt: skip

check(
    name="monitoring.in_a_row", register="warnings", severity="serious",
    title=_("Warnings clicked away in a row"),
    looks_for=_("One person ends warning after warning within a minute, as dealt with or as false alarms, without "
                "a look."),
    method=_("Ends of warnings recorded in the month that have so many others of the same account within so many "
             "seconds before or after. Those that stand under another end with it and do not count."),
    words=_("%(n)s warnings were ended by %(people)s persons within seconds of others"),
    limits={"seconds": "monitoring.honesty_seconds", "least": "monitoring.honesty_in_a_row"},
    sql=f"""
    WITH ended AS (
        SELECT e.case_id AS id, rpad(left(e.area_code, 6), 12, '0') AS area, e.by_id, e.by_name, e.at
        FROM cases_caseentry e JOIN monitoring_earlywarning w ON w.id = e.case_id AND w.head_id IS NULL
        WHERE e.at >= %(begin)s AND e.at < %(until)s AND e.case_kind = 'warning' AND e.to_state IN ('handled', 'false')
          AND e.from_state NOT IN ('handled', 'false') AND e.by_id IS NOT NULL),
    beside AS (
        SELECT *, count(*) OVER (
            PARTITION BY by_id ORDER BY at RANGE BETWEEN make_interval(secs => %(seconds)s) PRECEDING
            AND make_interval(secs => %(seconds)s) FOLLOWING) AS near,
            at AT TIME ZONE 'Asia/Shanghai' AS here FROM ended),
    odd AS MATERIALIZED (SELECT * FROM beside WHERE near >= %(least)s)
    SELECT a.*, {sql.records("odd", "by_name || ' ' || to_char(here, 'YYYY-MM-DD HH24:MI:SS')", "by_id, at")} AS records
    FROM (SELECT area, count(*) AS n, count(DISTINCT by_id) AS people FROM odd GROUP BY area) a
    """,
)  # fmt: skip
