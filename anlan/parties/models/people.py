"""People and the posts they hold. Personal data: kept to what supervision needs, each look is logged."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import By, Through

from ..names import all_initials
from .authorities import Authority
from .enterprises import Enterprise
from .places import Dated, Industry


class Person(Kept):
    """A natural person: name and telephone at work, nothing else. No identity number is kept here.

    Area, industry and enterprise are those of the body the person works for, and decide who may see.
    """

    scope_rule = By(area="area_code", industry="industry_id", enterprise="enterprise_id")
    called_by = "name"
    personal = True
    derived: ClassVar = {"pinyin": ("name", all_initials)}

    name = models.CharField(_("Name"), max_length=60, db_collation="C")
    pinyin = models.CharField(_("Pinyin initials"), max_length=60, db_collation="C", editable=False, default="")
    phone = models.CharField(_("Telephone at work"), max_length=20, blank=True, default="")
    area_code = AreaCode(_("Area"))
    industry = models.ForeignKey(Industry, models.PROTECT, null=True, blank=True, verbose_name=_("Industry"))
    enterprise = models.ForeignKey(Enterprise, models.CASCADE, null=True, blank=True, verbose_name=_("Enterprise"))

    class Meta:
        verbose_name = _("Person")
        indexes: ClassVar = [
            models.Index(fields=("area_code", "id")),
            models.Index(fields=("pinyin", "id")),
            # A scope's rows are picked out along the sort without a look at the table.
            models.Index(fields=("name", "id", "area_code"), name="person_by_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Post(Kept):
    """A person in a post at an authority or an enterprise, from a day and until a day.

    `head` marks the principal head (主要负责人), who bears the first responsibility.
    """

    scope_rule = Through("person", at="authority")
    personal = True

    person = models.ForeignKey(Person, models.CASCADE, related_name="posts", verbose_name=_("Person"))
    authority = models.ForeignKey(
        Authority, models.CASCADE, null=True, blank=True, related_name="posts", verbose_name=_("Authority")
    )
    enterprise = models.ForeignKey(
        Enterprise, models.CASCADE, null=True, blank=True, related_name="posts", verbose_name=_("Enterprise")
    )
    title = models.CharField(_("Title of the post"), max_length=60)
    head = models.BooleanField(_("Principal head"), default=False)
    valid_from = models.DateField(_("In force from"), null=True, blank=True)
    valid_to = models.DateField(_("In force until (not included)"), null=True, blank=True)

    objects = Dated.as_manager()

    class Meta:
        verbose_name = _("Post")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(authority__isnull=False, enterprise__isnull=True)
                | models.Q(authority__isnull=True, enterprise__isnull=False),
                name="post_at_one_body",
            )
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.title}"
