"""By what signs figures of accidents lie. Thresholds stand in `law/`; see docs/honesty.md."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from anlan.kernel.honesty import chance, check, sql

check(
    name="accidents.under_the_line", register="accidents", severity="grave",
    title=_("Deaths moved below the line of a grade"),
    looks_for=_("A report stated so many dead and missing that the accident is of a higher grade; what counts now "
                "states fewer, below that line."),
    method=_("Of accidents that happened in the month, the most dead and missing that any of their reports states, "
             "against the figures that count now, at the lines of the grades (Decree 493, Article 3). No chance: "
             "each is a find."),
    words=_("In %(n)s accidents the dead and missing fell from a higher grade to below its line"),
    limits={"lines": "accidents.grade_deaths"},
    sql=f"""
    WITH odd AS MATERIALIZED (
        SELECT a.id, rpad(left(a.area_code, 6), 12, '0') AS area, r.most || ' → ' || (a.deaths + a.missing) AS said
        FROM accidents_accident a
        CROSS JOIN LATERAL (SELECT max(deaths + missing) AS most FROM accidents_report WHERE accident_id = a.id) r
        WHERE a.occurred_at >= %(begin)s AND a.occurred_at < %(until)s AND a.in_figures
          AND EXISTS (SELECT FROM unnest(%(lines)s::numeric[]) AS line
                      WHERE r.most >= line AND a.deaths + a.missing < line))
    SELECT a.*, {sql.records("odd", "said")} AS records
    FROM (SELECT area, count(*) AS n FROM odd GROUP BY area) a
    """,
)  # fmt: skip

check(
    name="accidents.dates", register="accidents", severity="grave",
    title=_("Accidents reported before they happened"),
    looks_for=_("A report, or the end of the case, that lies before the accident."),
    method=_("Accidents that happened in the month: the times of their reports, of when these are said to have "
             "been made, and of the end of the case, against the time of the accident. No chance: each is a find."),
    words=_("In %(n)s accidents a report or the end of the case lies before the accident"),
    remarks={"reported": _("Reported before it happened"), "said": _("Said to have been reported before it happened"),
             "closed": _("Closed before it happened")},
    sql=f"""
    WITH pairs AS (
        SELECT a.id, a.area_code, a.occurred_at, p.at, p.code FROM accidents_accident a
        CROSS JOIN LATERAL (
            SELECT r.at, 'reported' AS code FROM accidents_report r WHERE r.accident_id = a.id
            UNION ALL SELECT r.said_at, 'said' FROM accidents_report r WHERE r.accident_id = a.id
            UNION ALL SELECT a.closed_at, 'closed') p
        WHERE a.occurred_at >= %(begin)s AND a.occurred_at < %(until)s AND p.at < a.occurred_at),
    odd AS MATERIALIZED (
        SELECT DISTINCT id, rpad(left(area_code, 6), 12, '0') AS area, code,
               to_char(at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI') || ' < '
               || to_char(occurred_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI') AS said FROM pairs)
    SELECT a.*, {sql.records("odd", "said", "id, said", "code")} AS records
    FROM (SELECT area, count(DISTINCT id) AS n FROM odd GROUP BY area) a
    """,
)  # fmt: skip

check(
    name="accidents.silent", register="accidents", severity="serious", settled=True,
    title=_("No accident where many were before"),
    looks_for=_("An area that reports no accident in a month, though it had many in the year before: it may be "
                "good work, it may be silence."),
    method=_("Exact: the chance that a month is empty, given the area's own number of the twelve months before. "
             "Judged from a least number on."),
    words=_("No accident; in the twelve months before there were %(past)s, %(usual)s a month"),
    limits={"least": "accidents.honesty_before"},
    drawn=(_("Month"), _("Accidents")),
    chance=chance.silence,
    sql=sql.silent(
        "accidents_accident", "rpad(left(area_code, 6), 12, '0')", "occurred_at", "in_figures"
    ),
)  # fmt: skip
