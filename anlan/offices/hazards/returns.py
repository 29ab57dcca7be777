"""The enterprises' returns: what is owed and when, what the system holds, signing, and who has returned.

Decree 16 (2007) Art. 14: a table every quarter by the 15th of the next one's first month and every year by
31 January, signed by the principal head. Who has returned is asked of the database in one statement over
enterprises and standing returns, whatever their number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F, FilteredRelation, Q, QuerySet, Sum
from django.db.models.functions import Substr
from django.utils.translation import gettext as _

from anlan.kernel import areas, clock, law
from anlan.parties.models import Enterprise, Industry, Post

from .models import Danger, SelfCheckReturn
from .rules import COUNTS, Period

OWING = ("operating", "building", "suspended")
"""The statuses in which an enterprise owes returns: suspended production does not end the duty to check."""

STATES = ("none", "late", "in_time", "zero")
GROUPS = {"district": 6, "township": 9, "village": 12, "industry": 0}
"""By what the overview is cut: so many digits of the division code, or the industry."""


class NotSigned(Exception):
    """The return was not signed; `message` says why in the reader's language."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def due_on(period: Period) -> date:
    """The last day on which the return of `period` is in time, by the rule in force at its end."""
    rule = "hazards.return_day_quarterly" if period.number else "hazards.return_day_yearly"
    return period.due(int(law.value(rule, on=period.last).value))


def basis(period: Period) -> str:
    """The rule that the due day rests on, in words."""
    return str(law.value("hazards.return_day_quarterly" if period.number else "hazards.return_day_yearly", period.last))


def recent(today: date, quarters: int = 5, years: int = 2) -> list[Period]:
    """The periods that have ended by `today`, the latest first: quarters, then years."""
    found, period = [], Period.of(today)
    for _n in range(quarters):
        period = period.previous
        found.append(period)
    return found + [Period(today.year - n) for n in range(1, years + 1)]


def words(period: Period) -> str:
    """A period as people say it."""
    if period.number:
        return _("%(year)s, quarter %(number)s") % {"year": period.year, "number": period.number}
    return _("%(year)s, whole year") % {"year": period.year}


def _span(period: Period) -> tuple[datetime, datetime]:
    return tuple(datetime.combine(day, time(0), clock.BEIJING) for day in (period.first, period.next.first))  # type: ignore[return-value]


def held(enterprise: Enterprise, period: Period) -> dict[str, Any]:
    """What the system holds for the period: dangers found in it and, of these, rectified; `ungraded` apart.

    Dismissed and withdrawn ones are no dangers. Keys are those of the return.
    """
    low, high = _span(period)
    found = Danger.objects.filter(enterprise=enterprise, found_at__gte=low, found_at__lt=high).exclude(
        state__in=("dismissed", "withdrawn")
    )
    counts: dict[str, Any] = found.aggregate(
        general_found=Count("pk", filter=Q(grade="general")),
        general_rectified=Count("pk", filter=Q(grade="general", rectified_at__isnull=False)),
        major_found=Count("pk", filter=Q(grade="major")),
        major_rectified=Count("pk", filter=Q(grade="major", rectified_at__isnull=False)),
        ungraded=Count("pk", filter=Q(grade="")),
        money_yuan=Sum("money", filter=Q(rectified_at__isnull=False)),
    )
    return counts | {"money_yuan": counts["money_yuan"] or Decimal(0)}


def heads(enterprise: Enterprise) -> QuerySet[Post]:
    """Who may sign today: whoever holds the post of principal head."""
    return Post.objects.at(clock.today()).filter(enterprise=enterprise, head=True).select_related("person")


def standing(enterprise: Enterprise, period: Period) -> SelfCheckReturn | None:
    """The return that stands: the latest signed one, or None for "no return"."""
    return SelfCheckReturn.objects.filter(enterprise=enterprise, period=str(period), replaced_at__isnull=True).first()


def sign(
    enterprise: Enterprise, period: Period, counts: Mapping[str, Any], *, post: Post, by: Any, seen: int,
    analysis: str = "", reason: str = "",
) -> SelfCheckReturn:  # fmt: skip
    """Signs the return of `period`, or a correction of edition `seen` (0: none stands yet).

    Raises `NotSigned` for a period that has not ended, a signer who is not head, a correction without reason,
    or where somebody signed another edition meanwhile. Lateness is that of the first edition.
    """
    today = clock.today()
    if period.next.first > today:
        raise NotSigned(_("The period has not ended yet."))
    if not heads(enterprise).filter(pk=post.pk).exists():
        raise NotSigned(_("Only the principal head signs the return."))
    if seen and not reason.strip():
        raise NotSigned(_("Say why the signed return is corrected."))
    due, at = due_on(period), clock.now()
    own = getattr(by, "person_id", None) == post.person_id
    try:
        with transaction.atomic():
            before = (
                SelfCheckReturn.objects.select_for_update(of=("self",))
                .filter(enterprise=enterprise, period=str(period), replaced_at__isnull=True)
                .first()
            )
            if (before.edition if before else 0) != seen:
                raise NotSigned(_("Another edition was signed meanwhile. Look at it before you sign."))
            if before is not None:
                before.replaced_at = at
                before.save()
            return SelfCheckReturn.objects.create(
                enterprise=enterprise, area_code=enterprise.area_code, industry_id=enterprise.industry_id,
                period=str(period), edition=seen + 1, **{name: counts[name] for name in COUNTS}, analysis=analysis,
                held={k: str(v) if isinstance(v, Decimal) else v for k, v in held(enterprise, period).items()},
                signed_by=post.person.name, signer_id=post.person_id, signed_how="account" if own else "paper",
                signed_at=at, due_on=due, late=before.late if before else today > due, reason=reason.strip(),
                submitted_by=by,
            )  # fmt: skip
    except IntegrityError as error:
        raise NotSigned(_("Another edition was signed meanwhile. Look at it before you sign.")) from error


# --- Who has returned ---------------------------------------------------------------------------------


def owing(period: Period, area: str = "", industry: str = "") -> QuerySet[Enterprise]:
    """The enterprises that owe a return, each with its standing one as `signed` where there is one."""
    found = Enterprise.objects.filter(status__in=OWING).annotate(
        signed=FilteredRelation(
            "selfcheckreturn",
            condition=Q(selfcheckreturn__period=str(period), selfcheckreturn__replaced_at__isnull=True),
        )
    )
    if area:
        found = found.filter(areas.within(area))
    return found.filter(industry_id=industry) if industry else found


ZERO = Q(signed__general_found=0, signed__major_found=0)
IN_STATE = {
    "none": Q(signed__isnull=True),
    "late": Q(signed__late=True),
    "in_time": Q(signed__late=False),
    "zero": Q(signed__isnull=False) & ZERO,
    "corrected": Q(signed__edition__gt=1),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One division or industry of the overview. Sums are over returns that stand; silence adds nothing to them."""

    key: str
    name: str
    owing: int
    in_time: int
    late: int
    none: int
    zero: int
    corrected: int
    general_found: int
    general_rectified: int
    major_found: int
    major_rectified: int

    @property
    def share(self) -> str:
        """How many of a hundred have returned; a dash where nobody owes."""
        return f"{100 * (self.owing - self.none) / self.owing:.1f} %" if self.owing else "–"


def overview(period: Period, by: str, area: str = "", industry: str = "") -> tuple[list[Line], Line]:
    """The lines cut by one of `GROUPS`, and their sum: two queries, one of them for names."""
    digits = GROUPS[by]
    key = Substr("area_code", 1, digits) if digits else F("industry_id")
    rows = (
        owing(period, area, industry)
        .annotate(key_=key)
        .order_by()
        .values("key_")
        .annotate(
            owing=Count("pk"),
            **{name: Count("pk", filter=state) for name, state in IN_STATE.items()},
            **{f"{name}_": Sum(f"signed__{name}") for name in COUNTS[:4]},
        )
        .order_by("key_")
    )
    found: list[dict[str, Any]] = list(rows)  # type: ignore[arg-type]
    if digits:
        codes = {row["key_"]: row["key_"].ljust(12, "0") for row in found}
        known = areas.names(codes.values())
        names = {key: known[code] for key, code in codes.items()}
    else:
        names = {i.pk: str(i) for i in Industry.objects.all()}
    lines = [
        Line(
            row["key_"] or "-", names.get(row["key_"]) or _("Not mapped"), row["owing"], row["in_time"], row["late"],
            row["none"], row["zero"], row["corrected"], *(row[f"{name}_"] or 0 for name in COUNTS[:4]),
        )
        for row in found
    ]  # fmt: skip
    sums = [sum(getattr(line, name) for line in lines) for name in Line.__slots__[2:]]
    return lines, Line("", _("Together"), *sums)


PAGE = 50


def enterprises(
    period: Period, state: str = "", area: str = "", industry: str = "", after: tuple[str, int] | None = None,
    limit: int | None = PAGE,
) -> QuerySet[Any]:  # fmt: skip
    """The enterprises behind a number of the overview, by place, each with its standing return."""
    found = owing(period, area, "" if industry == "-" else industry)
    if industry == "-":
        found = found.filter(industry__isnull=True)
    if state:
        found = found.filter(IN_STATE[state])
    if after:
        found = found.filter(Q(area_code=after[0], pk__gt=after[1]) | Q(area_code__gt=after[0]))
    rows = found.order_by("area_code", "pk").values(
        "pk", "name", "area_code", "industry__name", "industry__name_en", "phone", "signed__pk",
        "signed__edition", "signed__late", "signed__signed_at", "signed__signed_by",
        *(f"signed__{name}" for name in COUNTS),
    )  # fmt: skip
    return rows[: limit + 1] if limit else rows


def days_to_due(period: Period, today: date) -> int:
    """How many days are left until the due day; negative after it."""
    return (due_on(period) - today) // timedelta(days=1)
