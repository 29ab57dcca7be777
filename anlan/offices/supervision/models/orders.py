"""Supervision orders, and circulars of criticism and thanks."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from .addressed import Addressed
from .letters import MEASURES

GENRES = (("criticism", _("Criticism")), ("thanks", _("Thanks")))


class SupervisionOrder(Addressed):
    """A supervision order (督办通知书): what the addressee has to do by when, and on which facts that rests."""

    facts = models.TextField(_("Facts on which it rests"), max_length=4000)
    asked = models.TextField(_("What is to be done"), max_length=4000)
    answer_by = models.DateField(_("To be done and reported by"))
    issued_at = models.DateTimeField(_("Issued at"), null=True, editable=False)
    received_at = models.DateTimeField(_("Signed for at"), null=True, editable=False)
    received_by = models.CharField(_("Signed for by"), max_length=60, blank=True, default="", editable=False)
    result = models.TextField(_("What was carried out"), max_length=4000, blank=True, default="")
    interviewed_on = models.DateField(_("Called in on"), null=True, blank=True)
    interview = models.TextField(_("What was said at it"), max_length=4000, blank=True, default="")

    class Meta(Addressed.Meta):
        abstract = False
        verbose_name = _("Supervision order")
        indexes: ClassVar = [
            *Addressed.Meta.indexes, models.Index(fields=("area_code", "industry", "issued_at"), name="order_area"),
        ]  # fmt: skip


class Circular(Addressed):
    """A circular of criticism or thanks (通报批评, 通报表扬) to one addressee; the one criticised may object."""

    genre = models.CharField(_("Kind"), max_length=12, choices=GENRES)
    facts = models.TextField(_("Facts on which it rests"), max_length=4000)
    measure = models.CharField(_("Measure"), max_length=12, choices=MEASURES, default="circulate")
    asked = models.TextField(_("What is expected"), max_length=2000, blank=True, default="")
    issued_at = models.DateTimeField(_("Issued at"), null=True, editable=False)
    objection = models.TextField(_("Objection"), max_length=4000, blank=True, default="")
    objected_at = models.DateTimeField(_("Objected at"), null=True, editable=False)
    answer = models.TextField(_("Answer"), max_length=4000, blank=True, default="")

    class Meta(Addressed.Meta):
        abstract = False
        verbose_name = _("Circular")
        indexes: ClassVar = [
            *Addressed.Meta.indexes, models.Index(fields=("area_code", "industry", "issued_at"), name="circular_area"),
        ]  # fmt: skip
