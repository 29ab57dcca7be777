"""Parts of the statements that checks have in common."""

from __future__ import annotations


def records(source: str, remark: str, order: str = "id", code: str = "NULL") -> str:
    """The records of one area `a.area` out of `source`, each with a remark, as SQL."""
    return (
        f"(SELECT jsonb_agg(jsonb_build_array(r.id, r.remark, r.code)) "
        f"FROM (SELECT id, {remark} AS remark, {code} AS code FROM {source} "
        f"WHERE area = a.area ORDER BY {order} LIMIT %(most)s) r)"
    )


def silent(source: str, area: str, moment: str, condition: str) -> str:
    """The statement of a check for a month without any record where the twelve before had many (`chance.silence`): rows
    of `source` that meet `condition`, counted by `area` and by the month of `moment`. Its limit is `least`."""
    return f"""
    WITH counted AS MATERIALIZED (
        SELECT {area} AS area, date_trunc('month', {moment} AT TIME ZONE 'Asia/Shanghai')::date AS month, count(*) AS n
        FROM {source} WHERE {moment} >= %(before)s AND {moment} < %(until)s AND {condition}
        GROUP BY 1, 2)
    SELECT a.*, a.past AS n, round(a.past / 12.0, 1) AS usual,
           (SELECT jsonb_agg(jsonb_build_array(to_char(m, 'YYYY-MM'), coalesce(c.n, 0)) ORDER BY m)
            FROM generate_series(%(first)s::date - interval '12 months', %(first)s::date, interval '1 month') m
            LEFT JOIN counted c ON c.area = a.area AND c.month = m::date) AS chart
    FROM (SELECT area, coalesce(sum(n) FILTER (WHERE month < %(first)s::date), 0)::int AS past,
                 coalesce(sum(n) FILTER (WHERE month = %(first)s::date), 0)::int AS now FROM counted GROUP BY area) a
    WHERE a.past >= %(least)s
    """
