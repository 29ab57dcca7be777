"""A case that a safety committee's office addresses to a duty-holder."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from anlan.kernel.cases.models import Case
from anlan.kernel.scope import By, area_prefix
from anlan.parties.models import Authority, Enterprise, IssuedPaper
from anlan.parties.models.accounts import ROLES

from .letters import Letter

SEATS = {"department": "department", "station": "township", "village": "village"}
"""Who sits at an authority, by its kind; at the others the office of their tier."""


class Addressed(Case):
    """One duty-holder is asked for something: an authority or an enterprise.

    A draft lies at the place of the authority in charge, where the addressee does not see it, nor does an enterprise
    that lies at that place itself. Once issued the case lies
    at the addressee's place and in his industry: he sees it, those above him do, and his neighbours do not.

    `about` says in words which record it is about, `about_at` where that stands (register:key). `letter` is the draft
    of the official `paper` by which it is issued; a task came of the minutes and has none of its own.
    """

    scope_rule = By(industry="industry_id", enterprise="enterprise_id", inside=("state", "draft"))

    addressee = models.ForeignKey(
        Authority, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("Addressed authority")
    )
    enterprise = models.ForeignKey(
        Enterprise, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("Addressed enterprise")
    )
    addressee_role = models.CharField(
        _("Role of the addressee"), max_length=12, choices=ROLES, blank=True, editable=False
    )
    addressee_name = models.CharField(_("Addressee"), max_length=120, blank=True, editable=False)

    about = models.CharField(_("About"), max_length=200, blank=True, default="", editable=False)
    about_at = models.CharField(max_length=120, blank=True, default="", editable=False)
    letter = models.ForeignKey(
        Letter, models.PROTECT, null=True, editable=False, related_name="%(class)ss", verbose_name=_("Letter")
    )
    paper = models.ForeignKey(
        IssuedPaper, models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("Official paper")
    )

    class Meta(Case.Meta):
        abstract = True
        constraints = (
            models.CheckConstraint(
                condition=Q(addressee__isnull=False) | Q(enterprise__isnull=False), name="%(class)s_has_addressee"
            ),
        )

    def clean(self) -> None:
        if (self.addressee_id is None) == (self.enterprise_id is None):
            raise ValidationError({"addressee": _("Say who is addressed: one authority, or one enterprise.")})
        own = self.addressee is not None and self.addressee.area_code == self.owner_area_code
        if own and self.addressee.kind not in SEATS:
            raise ValidationError({"addressee": _("That is your own authority.")})
        if self.addressee is not None and not self.addressee.area_code.startswith(area_prefix(self.owner_area_code)):
            raise ValidationError({"addressee": _("It lies outside of the area of the authority that addresses it.")})

    def prepare(self) -> None:
        """Who the addressee is, by his role and as he is called now; what has been issued keeps its words."""
        if not self.addressee_name:
            self.addressee_role, self.addressee_name = duty_of(self.addressee or self.enterprise)
        super().prepare()

    def deliver(self) -> None:
        """Moves the case to where the addressee sees it, with the paper by which it was issued."""
        self.paper = self.letter.issued if self.letter is not None else None
        at: Any = self.addressee or self.enterprise
        self.area_code = at.area_code
        self.industry_id = at.industry_id if self.addressee is None else at.first_industry


def duty_of(holder: Any) -> tuple[str, str]:
    """The role that answers for an authority or an enterprise, and its name."""
    if isinstance(holder, Enterprise):
        return "enterprise", holder.name
    return SEATS.get(holder.kind) or ("city" if holder.tier == 1 else "district"), holder.name


def addressed_to(by: Any) -> Q:
    """The cases addressed to this person: those of his enterprise, or of the seat at which he works.

    Of the departments of one place each answers for itself; an account of none answers for what it sees.
    """
    if by.enterprise_id is not None:
        return Q(enterprise=by.enterprise_id)
    here = Q(enterprise__isnull=True, addressee_role=by.role, area_code=by.area_code)
    own = getattr(by, "authority_id", None) if by.role == "department" else None
    return here & Q(addressee=own) if own else here
