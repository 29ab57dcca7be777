"""Learns from the inspections on record which enterprise to visit next, and writes the list. Array code throughout.

What is known of an enterprise on the morning of a day comes from what the offices declare (`parties.track`) and from
its own row. Never a factor: who inspected, the district (which says how strict its inspectors are), any person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import F

from anlan.engines.forecast.ranking import CannotRank, Trial, Visits, history, learn
from anlan.engines.forecast.ranking import Ranking as Learnt
from anlan.parties.models import Enterprise
from anlan.parties.track import happened, poured, tracks, visited

from .models import LEVELS, LIMITS, InspectNext, Ranking

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

YEARS = 3
"""How far back what happened counts."""
LEARNT_FROM = 200_000
"""Of more inspections so many are drawn: further ones teach nothing more and take minutes."""
BETTER = 0.02
"""The first half of the visits must hold so much more of what is grave than with "most overdue first"."""
SHOWN = 4
"""So many factors stand with each enterprise."""
PLAIN = ("high_hazard", "above_scale")
TO_VISIT = ("operating", "building")
PIECE = 50_000


def rank(today: date, seed: int = 0) -> Ranking:
    """Learns anew from all inspections before `today` and replaces the list."""
    import numpy as np

    record = _Record(today)
    known = record.visits.height
    found = int(record.visits["found"].sum()) if known else 0
    sample = np.random.default_rng(seed).permutation(known)[:LEARNT_FROM]
    seen = record.visits[np.sort(sample)] if known > LEARNT_FROM else record.visits
    subject, day = seen["enterprise"].to_numpy(), seen["day"].to_numpy().astype("datetime64[D]")
    before = record.known(subject, day)
    learnt: Learnt | None = None
    try:
        past = Visits(record.factors(before), day, subject, seen["found"].to_numpy() > 0)
        learnt = learn(past, record.waits(before, day), seed=seed, kinds=("logit",))
    except CannotRank:
        state = "too_few"
    else:
        state = "ranked" if better(learnt.trials) else "no_better"
    made = Ranking.objects.create(
        as_of=today, state=state, visits=known, found=found, learnt_from=seen.height if learnt else 0, seed=seed,
        enterprises=int(record.to_visit.sum()), average=found / known if learnt and known else None,
        trials=[asdict(one) for one in learnt.trials] if learnt else [], method=learnt.method() if learnt else {},
    )  # fmt: skip
    _write(made, record, learnt if state == "ranked" else None)
    return made


def better(trials: Sequence[Trial]) -> bool:
    """Whether it has found clearly more than "most overdue first": on average, and in all stretches but one."""
    gains = [one.gain_over_overdue for one in trials]
    return sum(gains) / len(gains) >= BETTER and sum(gain > 0 for gain in gains) >= len(gains) - 1


class _Record:
    """Everything on record before `today`, as arrays."""

    def __init__(self, today: date) -> None:
        import numpy as np
        import polars as pl

        self.today = np.datetime64(today)
        rows = Enterprise.objects.order_by("pk").values_list(
            "pk", "area_code", "industry_id", F("staff"), "high_hazard", "above_scale", "status"
        )
        self.enterprises = poured(rows, {
            "id": "Int64", "area_code": "String", "industry": "String", "staff": "Float64", "high_hazard": "String",
            "above_scale": "String", "status": "String",
        })  # fmt: skip
        self.ids = self.enterprises["id"].to_numpy()
        self.to_visit = self.enterprises["status"].is_in(list(TO_VISIT)).to_numpy()
        self.codes, self.industry = np.unique(
            self.enterprises["industry"].fill_null("").to_numpy().astype(str), return_inverse=True
        )
        self.tracks = {name: happened(of) for name, of in tracks().items()}
        self.visits = visited().filter(pl.col("day") < today)
        self.begin: Any = self.visits["day"].min() if self.visits.height else today

    def known(self, subject: NDArray[Any], day: NDArray[Any]) -> dict[str, Floats]:
        """What was known of each subject on the morning of each day, by factor, in its own unit."""
        import numpy as np

        at = np.searchsorted(self.ids, subject)
        made: dict[str, Floats] = {}
        for name, of in self.tracks.items():
            who, when = of["enterprise"].to_numpy(), of["day"].to_numpy().astype("datetime64[D]")
            lasts = "until" in of.columns
            made[name] = history(day, subject, when, who, {}, None if lasts else YEARS * 365)["visits"]
            if lasts:
                over = of.filter(of["until"].is_not_null())
                ended, whose = over["until"].to_numpy().astype("datetime64[D]"), over["enterprise"].to_numpy()
                # What ended before it was due never lasted.
                ended = np.maximum(ended, over["day"].to_numpy().astype("datetime64[D]"))
                made[name] = made[name] - history(day, subject, ended, whose, {})["visits"]
        who, when = self.visits["enterprise"].to_numpy(), self.visits["day"].to_numpy().astype("datetime64[D]")
        made["visits"] = history(day, subject, when, who, {}, YEARS * 365)["visits"]
        made["since"] = history(day, subject, when, who, {})["since"]
        made["staff"] = self.enterprises["staff"].fill_null(np.nan).to_numpy()[at]
        for name in PLAIN:
            made[name] = (self.enterprises[name] == "t").to_numpy()[at].astype(float)
        made["industry"] = self.industry[at].astype(float)
        return made

    def factors(self, known: Mapping[str, Floats]) -> dict[str, Floats]:
        """The factors as they are learnt from: amounts by their logarithm, each industry by itself."""
        import numpy as np

        made = {n: v if n in PLAIN else np.log1p(v) for n, v in known.items() if n != "industry"}
        return made | {f"industry:{code}": (known["industry"] == n).astype(float) for n, code in enumerate(self.codes)}

    def waits(self, known: Mapping[str, Floats], day: NDArray[Any]) -> Floats:
        """Days since the last inspection; who was never inspected has waited since before the first of all."""
        import numpy as np

        all_days = (day - np.datetime64(self.begin)).astype("timedelta64[D]").astype(float) + 1
        return np.where(np.isnan(known["since"]), all_days, known["since"])


def _write(made: Ranking, record: _Record, learnt: Learnt | None) -> None:
    """The list: where nothing was learnt that is better, in the order of who has waited longest."""
    import numpy as np

    subject = record.ids[record.to_visit]
    n = len(subject)
    day = np.full(n, record.today)
    known = record.known(subject, day)
    waits = record.waits(known, day)
    drawn = np.random.default_rng([made.seed, made.pk]).permutation(n)
    names = [name for name in known if name != "industry"] + ["industry"]
    chance = np.full(n, np.nan)
    if learnt is None:
        # No weights: what happened is told in the order in which the offices declare it, then how long it waits.
        told = [*tracks(), "since"]
        adds = np.zeros((n, len(names)))
        for k, name in enumerate(told):
            there = np.ones(n, bool) if name == "since" else known[name] > 0
            adds[:, names.index(name)] = np.where(there, len(told) - k, 0)
        order = np.lexsort((drawn, -waits))
    else:
        now = Visits(record.factors(known), day, subject)
        chance = learnt.probabilities(now)
        every = learnt.adds(now)
        own = [k for k, name in enumerate(learnt.names) if not name.startswith("industry:")]
        rest = [k for k in range(len(learnt.names)) if k not in own]
        assert [learnt.names[k] for k in own] == names[:-1]
        adds = np.column_stack([every[:, own], every[:, rest].sum(1)])
        order = np.lexsort((drawn, -waits, -chance))
    places = np.empty(n, np.int64)
    places[order] = np.arange(1, n + 1)
    first = np.argsort(-adds, axis=1, kind="stable")[:, :SHOWN]
    rows = np.arange(n)[:, None]
    values = np.column_stack([known[name] for name in names])[rows, first]
    # What adds next to nothing, or speaks against a visit, is no reason for one.
    speaks = adds[rows, first] > 0.01
    times = chance / made.average if made.average else np.full(n, np.nan)
    level = np.array([key for key, _title in LEVELS])[np.searchsorted(-np.array(LIMITS), -times)]
    since = known["since"]
    last = np.where(np.isnan(since), np.datetime64("NaT"), record.today - np.nan_to_num(since).astype("timedelta64[D]"))
    of = record.enterprises.filter(record.to_visit)
    columns: dict[str, tuple[str, Any]] = {
        "enterprise_id": ("bigint", subject), "area_code": ("text", of["area_code"]),
        "industry_id": ("text", of["industry"]), "place": ("int", places), "lot": ("int", drawn + 1),
        "level": ("text", np.where(np.isnan(times), "", level)), "chance": ("float8", _or_none(chance)),
        "visited_on": ("date", last), "waits": ("int", _or_none(since)),
    }  # fmt: skip
    nothing = np.full(n, None)
    for k in range(SHOWN):
        shown = speaks[:, k]
        columns[f"f{k}"] = ("text", np.where(shown, np.array(names, object)[first[:, k]], nothing))
        columns[f"a{k}"] = ("float8", np.where(shown, np.nan_to_num(values[:, k], nan=-1), nothing))
    _insert(columns, n)


def _or_none(values: Floats) -> NDArray[Any]:
    import numpy as np

    made = values.astype(object)
    made[np.isnan(values)] = None
    return made


def _insert(columns: Mapping[str, tuple[str, Any]], n: int) -> None:
    """Replaces the table's rows by the columns, many at a time; factors and amounts become arrays on the way."""
    fixed = [name for name in columns if not name[1:].isdigit()]
    asked = ", ".join(f"%s::{kind}[]" for kind, _values in columns.values())
    packed = [f"array_remove(ARRAY[{', '.join(f'{letter}{k}' for k in range(SHOWN))}], NULL)" for letter in "fa"]
    sql = (
        f'INSERT INTO "{InspectNext._meta.db_table}" ({", ".join(fixed)}, factors, amounts) '
        f"SELECT {', '.join([*fixed, *packed])} FROM unnest({asked}) AS t({', '.join(columns)})"
    )
    InspectNext.objects.all().delete()
    lists = [values.tolist() if hasattr(values, "tolist") else values.to_list() for _kind, values in columns.values()]
    with connection.cursor() as cursor:
        for begin in range(0, n, PIECE):
            cursor.execute(sql, [one[begin : begin + PIECE] for one in lists])
