"""People and the posts they hold. Personal data: kept to what supervision needs, each look is logged."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from anlan.kernel.models import AreaCode, Kept, pointed
from anlan.kernel.scope import By, Through, acting_now

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

    def clean(self) -> None:
        super().clean()
        now, authority = acting_now(), pointed(self, "authority")
        if not self.head or authority is None or now is None or now[0].account_id is None:
            return
        me = self._meta.apps.get_model("parties", "Account").objects.filter(pk=now[0].account_id).first()
        if me is not None and me.person_id == self.person_id:
            raise ValidationError({"head": _("Nobody names himself the head of an authority.")})
        if me is not None and me.role not in ("city", "district") and authority.tier <= 2:
            raise ValidationError({"head": _("Who leads it is said by the offices of the city and the districts.")})

    @classmethod
    def guards(cls) -> list[str]:
        """Who leads an authority signs its papers: nobody says so of himself, and above townships offices alone do."""
        return [
            """
            CREATE OR REPLACE FUNCTION anlan_head_named() RETURNS trigger LANGUAGE plpgsql
            SET search_path = public, pg_temp AS $fn$
            DECLARE
              me record;
            BEGIN
              SELECT role, person_id INTO me FROM parties_account
                WHERE id = nullif(current_setting('anlan.account', true), '')::bigint;
              IF FOUND AND (me.person_id IN (NEW.person_id, OLD.person_id)
                  OR me.role NOT IN ('city', 'district') AND EXISTS (SELECT FROM parties_authority
                    WHERE id IN (NEW.authority_id, OLD.authority_id) AND tier <= 2)) THEN
                RAISE EXCEPTION 'the head of an authority is named by its office, and by another person'
                  USING ERRCODE = '42501';
              END IF;
              RETURN NEW;
            END $fn$
            """,
            "DROP TRIGGER IF EXISTS head_named ON parties_post",
            "DROP TRIGGER IF EXISTS head_kept ON parties_post",
            "CREATE TRIGGER head_named BEFORE INSERT ON parties_post FOR EACH ROW "
            "WHEN (NEW.head AND NEW.authority_id IS NOT NULL) EXECUTE FUNCTION anlan_head_named()",
            "CREATE TRIGGER head_kept BEFORE UPDATE ON parties_post FOR EACH ROW "
            "WHEN (NEW.head AND NEW.authority_id IS NOT NULL OR OLD.head AND OLD.authority_id IS NOT NULL) "
            "EXECUTE FUNCTION anlan_head_named()",
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.title}"
