"""Where and what: administrative divisions, supervised industries, the economic classification."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Self

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import Open, area_prefix, upper_bound


def bilingual(name: str, name_en: str) -> str:
    """The name in the language of the page; the Chinese one where there is no other."""
    return name_en if name_en and (get_language() or "zh").startswith("en") else name


class Dated(models.QuerySet):
    """Rows with `valid_from` (included) and `valid_to` (excluded); an open end is null."""

    def at(self, on: date) -> Self:
        """The rows that held on that day."""
        return self.filter(
            models.Q(valid_from__isnull=True) | models.Q(valid_from__lte=on),
            models.Q(valid_to__isnull=True) | models.Q(valid_to__gt=on),
        )


class Division(Kept):
    """An administrative division with its 12-digit code (GB/T 2260 and the statistical code rules).

    A code is never reused and never renamed away: a division that was merged keeps its row, gets a
    last day and a successor, so that last year's records still stand where they stood.
    """

    TIERS = ((1, _("City")), (2, _("District or county")), (3, _("Township or subdistrict")), (4, _("Village")))
    scope_rule = Open("the map of the country is public")
    audited = True

    id = None  # type: ignore[assignment]
    code = AreaCode(_("Code"), primary_key=True)
    name = models.CharField(_("Name"), max_length=60)
    pinyin = models.CharField(_("Pinyin initials"), max_length=60, db_collation="C", editable=False, default="")
    tier = models.PositiveSmallIntegerField(_("Tier"), choices=TIERS)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, verbose_name=_("Belongs to"))
    valid_from = models.DateField(_("In force from"), null=True, blank=True)
    valid_to = models.DateField(_("In force until (not included)"), null=True, blank=True)
    successor = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="predecessors", verbose_name=_("Merged into")
    )

    objects = Dated.as_manager()

    class Meta:
        verbose_name = _("Division")
        ordering: ClassVar = ("code",)
        indexes: ClassVar = [models.Index(fields=("tier", "code")), models.Index(fields=("pinyin",))]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(valid_to__isnull=True)
                | models.Q(valid_from__isnull=True)
                | models.Q(valid_to__gt=models.F("valid_from")),
                name="division_dates_in_order",
            )
        ]

    @classmethod
    def at(cls, on: date) -> models.QuerySet[Division]:
        """The divisions that existed on that day."""
        return Dated(cls).at(on)

    @property
    def prefix(self) -> str:
        """The code's significant digits, which every code inside begins with."""
        return area_prefix(self.code)

    def inside(self) -> Dated:
        """This division and everything below it, of all times."""
        return Dated(Division).filter(code__gte=self.prefix, code__lt=upper_bound(self.prefix))

    def merge_into(self, successor: Division, on: date) -> None:
        """Ends this division and all below it on `on`; records of before stay where they were.

        Raises ValueError if the successor does not exist on that day or lies inside this division.
        """
        if successor.code.startswith(self.prefix) or not Division.at(on).filter(pk=successor.pk).exists():
            raise ValueError("the successor must exist on that day and lie outside the merged division")
        self.inside().at(on).update(valid_to=on)
        self.refresh_from_db()
        self.successor = successor
        self.save()

    def __str__(self) -> str:
        return self.name


class Industry(models.Model):
    """A supervised industry of the notice."""

    scope_rule = Open("a public list")
    code = models.CharField(_("Code"), max_length=24, primary_key=True)
    name = models.CharField(_("Name"), max_length=40)
    name_en = models.CharField(_("English name"), max_length=60)
    high_hazard = models.BooleanField(_("High hazard"), default=False)
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("Industry")
        ordering: ClassVar = ("order",)

    def __str__(self) -> str:
        return bilingual(self.name, self.name_en)


class IndustryClass(models.Model):
    """One line of the table from GB/T 4754 codes to supervised industries.

    The longest prefix decides. No line, or a line without industry, means "not mapped": a person
    must say which industry supervises such an enterprise.
    """

    scope_rule = Open("a public list")
    code = models.CharField(_("GB/T 4754 code"), max_length=5, primary_key=True, db_collation="C")
    name = models.CharField(_("Name"), max_length=60)
    industry = models.ForeignKey(Industry, models.PROTECT, null=True, blank=True, verbose_name=_("Supervised industry"))
    source = models.CharField(_("Source"), max_length=120)

    class Meta:
        verbose_name = _("Economic class")
        ordering: ClassVar = ("code",)

    @classmethod
    def industry_of(cls, gb4754: str) -> str | None:
        """The supervised industry's code for a GB/T 4754 code of 2–4 digits, or None for not mapped."""
        prefixes = [gb4754[:n] for n in range(len(gb4754), 1, -1)]
        found = cls.objects.filter(pk__in=prefixes).order_by("-code").first()
        return found.industry_id if found else None

    def __str__(self) -> str:
        return f"{self.code} {self.name}"
