"""By what signs figures of hidden dangers lie. Thresholds stand in `law/honesty.yaml`; see docs/honesty.md."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from anlan.kernel.honesty import Gathered, chance, check, sql

DANGERS = Gathered(
    "honest_dangers",
    """
    SELECT id, rpad(left(area_code, 6), 12, '0') AS area, enterprise_id, state, grade, found_at, rectified_at,
           closed_at, due_at, rectify_by, stopped_at, resumption_asked_at, resumed_at, publication_asked_at,
           published_at, needs_stop, outside_cause, judgement_id, money,
           CASE WHEN rectified_at >= %(begin)s AND rectified_at < %(until)s THEN btrim(result) END AS result
    FROM hazards_danger
    WHERE (found_at >= %(before)s AND found_at < %(until)s OR closed_at >= %(before)s AND closed_at < %(until)s)
      AND state <> 'withdrawn'
    """,
)
"""The dangers found or closed in the month or the twelve before."""
ACCEPTED = Gathered(
    "honest_accepted",
    """
    SELECT e.case_id AS id, rpad(left(e.area_code, 6), 12, '0') AS area, e.enterprise_id, e.at, e.by_id, e.by_name,
           e.version, e.at AT TIME ZONE 'Asia/Shanghai' AS here
    FROM cases_caseentry e
    WHERE e.at >= %(begin)s AND e.at < %(until)s AND e.case_kind = 'danger' AND e.move IN ('accept', 'accept_inside')
    """,
)
"""The acceptances that were recorded in the month, with the account under which they were."""

_OWN = {"register": "dangers"}

check(
    name="hazards.before_cut_off", **_OWN, severity="serious", settled=True, uses=(DANGERS,),
    title=_("Closures bunched before the cut-off"),
    looks_for=_("Closing in a rush before the figures are taken: many acceptances on the last days of the month, "
                "few on its other days."),
    method=_("Exact binomial: so many of the area's visits of the month on its last days, against the part of the "
             "month that these days are, reckoned by what each weekday has of visits on all other days of the "
             "year. All that is accepted at one enterprise on one day is one visit. Told of from a least number "
             "and a multiple on."),
    words=_("%(n)s of the month's %(of)s visits of acceptance lie on its last %(days)s days; to be expected were "
            "%(expected)s"),
    limits={"days": "hazards.honesty_days", "least": "hazards.honesty_bunched", "times": "hazards.honesty_times"},
    drawn=(_("Day of the month"), _("Visits of acceptance")),
    chance=lambda r: chance.more(r["n"], r["of"], float(r["share"])),
    sql=f"""
    WITH closed AS MATERIALIZED (
        SELECT DISTINCT ON (area, day, coalesce(enterprise_id, -id)) id, area, day
        FROM (SELECT *, (closed_at AT TIME ZONE 'Asia/Shanghai')::date AS day FROM honest_dangers
              WHERE state = 'closed' AND closed_at >= %(before)s AND closed_at < %(until)s) d
        ORDER BY area, day, coalesce(enterprise_id, -id), id),
    days AS MATERIALIZED (
        SELECT d::date AS day, extract(isodow FROM d) AS weekday,
               (date_trunc('month', d) + interval '1 month')::date - d::date <= %(days)s AS late
        FROM generate_series(%(first)s::date - interval '12 months', %(last)s::date, interval '1 day') d),
    visits AS (SELECT day, count(*) AS n FROM closed GROUP BY day),
    usual AS (SELECT weekday, (coalesce(sum(n), 0) + 1) / count(*) AS weight
              FROM days LEFT JOIN visits USING (day) WHERE NOT late GROUP BY weekday),
    part AS (SELECT sum(weight) FILTER (WHERE late) / sum(weight) AS share
             FROM days JOIN usual USING (weekday) WHERE day >= %(first)s::date),
    month AS MATERIALIZED (SELECT closed.*, late FROM closed JOIN days USING (day) WHERE day >= %(first)s::date),
    late AS (SELECT * FROM month WHERE late)
    SELECT a.*, part.share, round(part.share * a."of", 1) AS expected, %(days)s AS days,
           a.n >= %(least)s AND a.n >= %(times)s * part.share * a."of" AS enough,
           (SELECT jsonb_agg(jsonb_build_array(to_char(d.day, 'FMDD'), d.n) ORDER BY d.day) FROM (
                SELECT days.day, count(month.id) AS n
                FROM days LEFT JOIN month ON month.day = days.day AND month.area = a.area
                WHERE days.day >= %(first)s::date GROUP BY days.day) d) AS chart,
           {sql.records("late", "to_char(day, 'YYYY-MM-DD')", "day, id")} AS records
    FROM (SELECT area, count(*) FILTER (WHERE late) AS n, count(*) AS "of" FROM month GROUP BY area) a, part
    """,
)  # fmt: skip

check(
    name="hazards.same_photograph", **_OWN, severity="grave",
    title=_("The same photograph in two cases"),
    looks_for=_("One photograph given as evidence in several hidden dangers: before, after or at the acceptance."),
    method=_("Files whose bytes are the same (SHA-256). A photograph that was cut, turned or stored anew is "
             "another file and is not found. Cases that were withdrawn or proved to be no danger do not count. No "
             "chance: each is a find."),
    words=_("%(n)s hidden dangers show a photograph that another one shows as well; %(photos)s such photographs"),
    remarks={"photo": _("Photograph")},
    sql="""
    WITH fresh AS MATERIALIZED (
        SELECT DISTINCT sha256, case_id FROM cases_evidencefile
        WHERE case_kind = 'danger' AND given_at >= %(begin)s AND given_at < %(until)s AND media_type LIKE 'image/%%'),
    shown AS MATERIALIZED (
        SELECT DISTINCT e.sha256, d.id, rpad(left(d.area_code, 6), 12, '0') AS area
        FROM cases_evidencefile e JOIN hazards_danger d ON d.id = e.case_id
        WHERE e.case_kind = 'danger' AND d.state NOT IN ('withdrawn', 'dismissed')
          AND e.sha256 IN (SELECT sha256 FROM fresh)),
    shared AS MATERIALIZED (SELECT sha256 FROM shown GROUP BY sha256 HAVING count(*) > 1),
    odd AS MATERIALIZED (
        SELECT s.area, s.sha256, s.id FROM shown s JOIN fresh f ON f.sha256 = s.sha256 AND f.case_id = s.id
        WHERE s.sha256 IN (SELECT sha256 FROM shared))
    SELECT a.*, (SELECT jsonb_agg(jsonb_build_array(r.id, left(r.sha256, 8), 'photo')) FROM (
                    SELECT id, sha256 FROM shown WHERE sha256 IN (SELECT sha256 FROM odd WHERE area = a.area)
                    ORDER BY sha256, id LIMIT %(most)s) r) AS records
    FROM (SELECT area, count(DISTINCT id) AS n, count(DISTINCT sha256) AS photos FROM odd GROUP BY area) a
    """,
)  # fmt: skip

check(
    name="hazards.before_is_after", **_OWN, severity="grave",
    title=_("One photograph before and after"),
    looks_for=_("The photograph that shows the danger is given once more as that of its rectification."),
    method=_("Files whose bytes are the same (SHA-256), within one case, given for different steps. No chance: "
             "each is a find."),
    words=_("%(n)s hidden dangers show the same photograph before and after rectification"),
    remarks={"photo": _("Photograph")},
    sql=f"""
    WITH odd AS MATERIALIZED (
        SELECT DISTINCT e.case_id AS id, rpad(left(e.area_code, 6), 12, '0') AS area, left(e.sha256, 8) AS photo
        FROM cases_evidencefile e JOIN cases_evidencefile b
          ON b.case_kind = 'danger' AND b.case_id = e.case_id AND b.sha256 = e.sha256 AND b.demand = 'before'
        WHERE e.case_kind = 'danger' AND e.demand IN ('after', 'on_site') AND e.given_at >= %(begin)s
          AND e.given_at < %(until)s AND e.media_type LIKE 'image/%%')
    SELECT a.*, {sql.records("odd", "photo", code="'photo'")} AS records
    FROM (SELECT area, count(DISTINCT id) AS n FROM odd GROUP BY area) a
    """,
)  # fmt: skip

check(
    name="hazards.silent", **_OWN, severity="serious", settled=True, uses=(DANGERS,),
    title=_("Nothing found where much was found before"),
    looks_for=_("A busy area that reports none: no hidden danger found in a month, though many were in the year "
                "before."),
    method=_("Exact: the chance that a month is empty, given the area's own number of the twelve months before. "
             "Judged from a least number on."),
    words=_("No hidden danger found; in the twelve months before it were %(past)s, %(usual)s a month"),
    limits={"least": "hazards.honesty_before"},
    drawn=(_("Month"), _("Hidden dangers found")),
    chance=chance.silence,
    sql=sql.silent("honest_dangers", "area", "found_at", "state <> 'dismissed'"),
)  # fmt: skip

check(
    name="hazards.zero_returns", register="returns", severity="serious", uses=(DANGERS,),
    title=_("Zero returns against the records"),
    looks_for=_("Enterprises that sign that nothing was found, though hidden dangers of that period stand in the "
                "system."),
    method=_("Returns signed in the month that stand, with nothing found, of enterprises at which a danger was "
             "found in the quarter that the return speaks of. Told of from a least number of enterprises in an "
             "area on."),
    words=_("%(n)s enterprises signed a zero return, though %(held)s hidden dangers of that quarter are recorded "
            "of them"),
    limits={"least": "hazards.honesty_zeros"},
    remarks={"held": _("Hidden dangers recorded in the quarter")},
    sql=f"""
    WITH zero AS MATERIALIZED (
        SELECT id, area_code, enterprise_id, period,
               make_date(left(period, 4)::int, 3 * right(period, 1)::int - 2, 1) AS begins
        FROM hazards_selfcheckreturn
        WHERE signed_at >= %(begin)s AND signed_at < %(until)s AND replaced_at IS NULL AND general_found = 0
          AND major_found = 0 AND period LIKE '%%Q_'),
    odd AS MATERIALIZED (
        SELECT z.id, rpad(left(z.area_code, 6), 12, '0') AS area, count(*) AS held
        FROM zero z JOIN honest_dangers d ON d.enterprise_id = z.enterprise_id AND d.state <> 'dismissed'
          AND d.found_at >= z.begins::timestamp AT TIME ZONE 'Asia/Shanghai'
          AND d.found_at < (z.begins + interval '3 months') AT TIME ZONE 'Asia/Shanghai'
        GROUP BY z.id, z.area_code)
    SELECT a.*, a.n >= %(least)s AS enough, {sql.records("odd", "held::text", code="'held'")} AS records
    FROM (SELECT area, count(*) AS n, sum(held)::int AS held FROM odd GROUP BY area) a
    """,
)  # fmt: skip

check(
    name="hazards.no_time_limit", **_OWN, severity="serious", uses=(DANGERS,), version=2,
    title=_("No time limit"),
    looks_for=_("A hidden danger that must be removed, and nothing says until when."),
    method=_("Found in the month, open, and without a time limit, or being rectified without a last day. The five in "
             "place name one (Decree 16, 2007). A limit that somebody paused for a reason is one. No chance: each is a "
             "find."),
    words=_("%(n)s open hidden dangers have no time limit"),
    sql=f"""
    WITH odd AS MATERIALIZED (
        SELECT id, area, to_char(found_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD') AS day FROM honest_dangers d
        WHERE found_at >= %(begin)s AND found_at < %(until)s AND closed_at IS NULL
          AND (state IN ('found', 'verified', 'rectifying', 'rectified') AND due_at IS NULL AND NOT EXISTS (
                  SELECT FROM cases_pause p WHERE p.case_kind = 'danger' AND p.case_id = d.id AND p."end" IS NULL)
               OR state = 'rectifying' AND rectify_by IS NULL))
    SELECT a.*, {sql.records("odd", "day")} AS records FROM (SELECT area, count(*) AS n FROM odd GROUP BY area) a
    """,
)  # fmt: skip

check(
    name="hazards.graded_down", **_OWN, severity="grave", uses=(DANGERS,),
    title=_("A danger filed as less than it is"),
    looks_for=_("By its own words or facts a major danger, and filed as a general one, or as no danger at all."),
    method=_("Found in the month and graded general, or dismissed, though production was ordered to stop, must "
             "stop, an outside cause or a judgement clause is stated (Decree 16, 2007, Article 3), or its words "
             "say so. No chance: each is a find."),
    words=_("%(n)s hidden dangers are filed as less than they say of themselves"),
    limits={"pattern": "hazards.honesty_graver"},
    remarks={
        "stopped": _("Production was ordered to stop"), "needs_stop": _("Production must stop while it is treated"),
        "clause": _("A judgement clause is stated"), "outside_cause": _("An outside cause is stated"),
        "words": _("Its words"),
    },
    sql=f"""
    WITH odd AS MATERIALIZED (
        SELECT d.id, d.area,
               CASE WHEN d.stopped_at IS NOT NULL THEN 'stopped' WHEN d.needs_stop THEN 'needs_stop'
                    WHEN d.judgement_id IS NOT NULL THEN 'clause' WHEN d.outside_cause THEN 'outside_cause'
                    ELSE 'words' END AS code,
               CASE WHEN d.stopped_at IS NULL AND NOT d.needs_stop AND d.judgement_id IS NULL AND NOT d.outside_cause
                    THEN substring(t.title || ' ' || t.description FROM '.{{0,8}}(?:' || %(pattern)s || ').{{0,8}}')
                    ELSE '' END AS said
        FROM honest_dangers d JOIN hazards_danger t USING (id)
        WHERE d.found_at >= %(begin)s AND d.found_at < %(until)s AND (d.grade = 'general' OR d.state = 'dismissed')
          AND (d.stopped_at IS NOT NULL OR d.needs_stop OR d.judgement_id IS NOT NULL OR d.outside_cause
               OR t.title ~ %(pattern)s OR t.description ~ %(pattern)s))
    SELECT a.*, {sql.records("odd", "said", code="code")} AS records
    FROM (SELECT area, count(*) AS n FROM odd GROUP BY area) a
    """,
)  # fmt: skip

check(
    name="hazards.dates", **_OWN, severity="grave", uses=(DANGERS,),
    title=_("Dates that precede their cause"),
    looks_for=_("A danger rectified before it was found, closed before it was rectified, published before anybody "
                "proposed it."),
    method=_("Dates of one case held against each other, for cases found or closed in the month. No chance: each "
             "is a find."),
    words=_("In %(n)s hidden dangers a date lies before its cause"),
    remarks={
        "rectified_found": _("Rectified before it was found"), "closed_rectified": _("Closed before it was "
                                                                                     "rectified"),
        "closed_found": _("Closed before it was found"), "resumed_stopped": _("Resumed before it was stopped"),
        "resumed_asked": _("Resumed before that was asked for"),
        "published_proposed": _("Published before that was proposed"),
        "limit_found": _("To be rectified by a day before it was found"),
    },
    sql=f"""
    WITH odd AS MATERIALIZED (
        SELECT id, area, code, to_char(early AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI') || ' < '
               || to_char(late AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI') AS said
        FROM honest_dangers, LATERAL (VALUES
            ('rectified_found', rectified_at, found_at), ('closed_rectified', closed_at, rectified_at),
            ('closed_found', closed_at, found_at), ('resumed_stopped', resumed_at, stopped_at),
            ('resumed_asked', resumed_at, resumption_asked_at),
            ('published_proposed', published_at, publication_asked_at)) pair (code, early, late)
        WHERE early < late AND (found_at >= %(begin)s AND found_at < %(until)s
                                OR closed_at >= %(begin)s AND closed_at < %(until)s)
        UNION ALL
        SELECT id, area, 'limit_found', rectify_by || ' < ' || (found_at AT TIME ZONE 'Asia/Shanghai')::date
        FROM honest_dangers
        WHERE rectify_by < (found_at AT TIME ZONE 'Asia/Shanghai')::date
          AND found_at >= %(begin)s AND found_at < %(until)s)
    SELECT a.*, {sql.records("odd", "said", "id, code", "code")} AS records
    FROM (SELECT area, count(DISTINCT id) AS n FROM odd GROUP BY area) a
    """,
)  # fmt: skip

check(
    name="hazards.even", **_OWN, severity="notable", settled=True, uses=(DANGERS,),
    title=_("Numbers too even from month to month"),
    looks_for=_("Invented numbers: about the same count of hidden dangers month after month, where chance alone "
                "would make them differ more."),
    method=_("χ² of the dispersion of the last twelve months' counts, its lower tail: so little difference is rare "
             "among counts that come at random (Poisson). Seasons and campaigns only make honest counts differ "
             "more. Judged from a least number a month on."),
    words=_("Twelve months with %(least_month)s to %(most_month)s hidden dangers found each, %(mean)s on average; "
            "chance alone would make them differ by about ±%(usual)s"),
    limits={"least": "hazards.honesty_even"},
    drawn=(_("Month"), _("Hidden dangers found")),
    chance=lambda r: chance.even(r["counts"]),
    sql="""
    WITH months AS (SELECT m::date AS month FROM generate_series(
            %(first)s::date - interval '11 months', %(first)s::date, interval '1 month') m),
    counted AS (
        SELECT area, date_trunc('month', found_at AT TIME ZONE 'Asia/Shanghai')::date AS month, count(*)::int AS n
        FROM honest_dangers WHERE found_at >= %(before)s AND found_at < %(until)s AND state <> 'dismissed'
        GROUP BY 1, 2),
    each AS (SELECT area, month, coalesce(n, 0) AS n FROM (SELECT DISTINCT area FROM counted) a CROSS JOIN months
             LEFT JOIN counted USING (area, month))
    SELECT area, sum(n)::int AS n, array_agg(n ORDER BY month) AS counts, min(n) AS least_month, max(n) AS most_month,
           round(avg(n), 1) AS mean, round(sqrt(avg(n)), 1) AS usual,
           jsonb_agg(jsonb_build_array(to_char(month, 'YYYY-MM'), n) ORDER BY month) AS chart
    FROM each GROUP BY area HAVING avg(n) >= %(least)s
    """,
)  # fmt: skip

check(
    name="hazards.money_digits", **_OWN, severity="notable", settled=True, uses=(DANGERS,),
    title=_("Digits of money too regular"),
    looks_for=_("Amounts that nobody reckoned: the money for rectification has the same digit again and again."),
    method=_("The hundreds digit of the money planned for general dangers of the last twelve months, from 1,000 "
             "yuan on: χ² of the area's ten digits against those of all other areas. Nothing is said where fewer "
             "than five of a digit are to be expected."),
    words=_("The hundreds digit of the money planned is %(digit)s in %(n)s of %(of)s amounts; in all other areas "
            "in %(elsewhere)s %%"),
    drawn=(_("Hundreds digit"), _("Amounts")),
    chance=lambda r: chance.unlike(r["counts"], r["others"]),
    sql=f"""
    WITH amounts AS MATERIALIZED (
        SELECT id, area, money, floor(money / 100)::bigint %% 10 AS digit FROM honest_dangers
        WHERE found_at >= %(before)s AND found_at < %(until)s AND grade = 'general' AND money >= 1000),
    counted AS (SELECT area, digit, count(*)::int AS n FROM amounts GROUP BY area, digit),
    each AS MATERIALIZED (
        SELECT a.area, d.digit, coalesce(c.n, 0) AS n,
               (sum(coalesce(c.n, 0)) OVER (PARTITION BY d.digit) - coalesce(c.n, 0))::int AS other
        FROM (SELECT DISTINCT area FROM counted) a CROSS JOIN generate_series(0, 9) AS d(digit)
        LEFT JOIN counted c ON c.area = a.area AND c.digit = d.digit),
    top AS (SELECT DISTINCT ON (area) area, digit, n, other FROM each ORDER BY area, n DESC, digit),
    chosen AS (SELECT amounts.* FROM amounts JOIN top USING (area, digit))
    SELECT a.*, t.digit, t.n, round(100.0 * t.other / nullif(a.beside, 0), 1) AS elsewhere,
           {sql.records("chosen", "money::text")} AS records
    FROM (SELECT area, sum(n)::int AS "of", sum(other) AS beside, array_agg(n ORDER BY digit) AS counts,
                 array_agg(other ORDER BY digit) AS others,
                 jsonb_agg(jsonb_build_array(digit::text, n) ORDER BY digit) AS chart FROM each GROUP BY area) a
    JOIN top t USING (area)
    """,
)  # fmt: skip

check(
    name="hazards.same_words", **_OWN, severity="serious", uses=(DANGERS,),
    title=_("Copied texts of rectification"),
    looks_for=_("What was done stands in the same words at many enterprises."),
    method=_("Texts of the month's rectifications that are the same to the letter, from a length on at which "
             "nobody writes the same by chance, at a least number of enterprises of one area."),
    words=_("%(n)s rectifications at %(enterprises)s enterprises are told in words that others use as well"),
    limits={"length": "hazards.honesty_words", "least": "hazards.honesty_copies"},
    sql=f"""
    WITH told AS MATERIALIZED (
        SELECT id, area, enterprise_id, md5(result) AS words, result FROM honest_dangers
        WHERE length(result) >= %(length)s AND enterprise_id IS NOT NULL),
    copied AS (SELECT area, words FROM told GROUP BY area, words HAVING count(DISTINCT enterprise_id) >= %(least)s),
    odd AS MATERIALIZED (SELECT told.* FROM told JOIN copied USING (area, words))
    SELECT a.*, {sql.records("odd", "left(result, 40)", "words, id")} AS records
    FROM (SELECT area, count(*) AS n, count(DISTINCT enterprise_id) AS enterprises FROM odd GROUP BY area) a
    """,
)  # fmt: skip

check(
    name="hazards.at_once", **_OWN, severity="notable", uses=(ACCEPTED,),
    title=_("Many accepted at once by one person"),
    looks_for=_("One person records the acceptance on site at more enterprises within minutes than anybody can "
                "visit."),
    method=_("Acceptances of the month, one for each enterprise and day of a person's account, that have so many "
             "others of the same account within so many minutes before or after. Who records in the evening what "
             "he saw during the day can say so."),
    words=_("%(n)s acceptances at different enterprises were recorded by %(people)s persons within minutes of "
            "others"),
    limits={"minutes": "hazards.honesty_minutes", "least": "hazards.honesty_at_once"},
    sql=f"""
    WITH visits AS (
        SELECT DISTINCT ON (by_id, enterprise_id, here::date) id, area, by_id, by_name, at, here FROM honest_accepted
        WHERE by_id IS NOT NULL AND enterprise_id IS NOT NULL ORDER BY by_id, enterprise_id, here::date, at),
    beside AS (
        SELECT *, count(*) OVER (
            PARTITION BY by_id ORDER BY at RANGE BETWEEN make_interval(mins => %(minutes)s) PRECEDING
            AND make_interval(mins => %(minutes)s) FOLLOWING) AS near FROM visits),
    odd AS MATERIALIZED (SELECT * FROM beside WHERE near >= %(least)s)
    SELECT a.*, {sql.records("odd", "by_name || ' ' || to_char(here, 'YYYY-MM-DD HH24:MI:SS')", "by_id, at")} AS records
    FROM (SELECT area, count(*) AS n, count(DISTINCT by_id) AS people FROM odd GROUP BY area) a
    """,
)  # fmt: skip

check(
    name="hazards.at_night", **_OWN, severity="notable", uses=(ACCEPTED,),
    title=_("Accepted on site at night"),
    looks_for=_("Acceptances on site that were recorded at hours at which nobody goes to a site."),
    method=_("Acceptances of the month recorded between these hours, from a least number in an area on."),
    words=_("%(n)s acceptances on site were recorded between %(night_from)s and %(night_to)s o'clock"),
    limits={"least": "hazards.honesty_night", "night_from": "hazards.honesty_night_from",
            "night_to": "hazards.honesty_night_to"},
    drawn=(_("Hour"), _("Acceptances")),
    sql=f"""
    WITH hours AS MATERIALIZED (
        SELECT *, extract(hour FROM here)::int AS hour FROM honest_accepted WHERE by_id IS NOT NULL),
    odd AS MATERIALIZED (SELECT * FROM hours WHERE hour >= %(night_from)s OR hour < %(night_to)s)
    SELECT a.*, a.n >= %(least)s AS enough, %(night_from)s AS night_from, %(night_to)s AS night_to,
           (SELECT jsonb_agg(jsonb_build_array(h::text, (SELECT count(*) FROM hours WHERE area = a.area AND hour = h))
                             ORDER BY h) FROM generate_series(0, 23) h) AS chart,
           {sql.records("odd", "by_name || ' ' || to_char(here, 'YYYY-MM-DD HH24:MI')", "at")} AS records
    FROM (SELECT area, count(*) AS n FROM odd GROUP BY area) a
    """,
)  # fmt: skip

check(
    name="hazards.one_hand", **_OWN, severity="grave", uses=(ACCEPTED,),
    title=_("Rectified and accepted by one hand"),
    looks_for=_("Who reports the rectification accepts it himself, be it under another sign-in of the same name."),
    method=_("Acceptances of the month recorded under the account, or under the name of the person, by which the "
             "last rectification of the case was reported. No chance: each is a find."),
    words=_("%(n)s hidden dangers were accepted by who had reported them as rectified"),
    remarks={"one_account": _("One account"), "two_accounts": _("Two accounts of one name")},
    sql=f"""
    WITH odd AS MATERIALIZED (
        SELECT a.id, a.area, a.by_name,
               CASE WHEN a.by_id = r.by_id THEN 'one_account' ELSE 'two_accounts' END AS code
        FROM honest_accepted a CROSS JOIN LATERAL (
            SELECT by_id, by_name FROM cases_caseentry r
            WHERE r.case_kind = 'danger' AND r.case_id = a.id AND r.version < a.version
              AND r.move IN ('rectify', 'fix_now')
            ORDER BY r.version DESC LIMIT 1) r
        WHERE a.by_id IS NOT NULL AND r.by_id IS NOT NULL AND (a.by_id = r.by_id OR a.by_name = r.by_name))
    SELECT a.*, {sql.records("odd", "by_name", code="code")} AS records
    FROM (SELECT area, count(*) AS n FROM odd GROUP BY area) a
    """,
)  # fmt: skip
