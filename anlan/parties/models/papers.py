"""Official papers: as cases until they are issued, and as what was issued, which nobody changes.

See `anlan.parties.papers` for how an office makes a kind of paper of its own.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from anlan.engines.papers import Paper
from anlan.kernel import clock
from anlan.kernel.cases.models import Case
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import By, Through

from .authorities import Authority
from .people import Post
from .places import Industry


class IssuedPaper(Kept):
    """A paper as it was issued: number, text, the facts it rests on, and who may read it.

    The whole text stands in `body` (JSON of `engines.papers`), what it rests on in `facts`, each with its SHA-256. The
    database refuses any change of them; publication, withdrawal and archiving are added once. A correction is a paper
    of its own that names the one it `corrects`.
    """

    scope_rule = By(area="area_code", industry="industry_id", published="public", sent="recipients")
    called_by = "number"
    ADDED: ClassVar = ("public", "published_at", "withdrawn_at", "withdrawn_why", "archived_at")
    """What is added to an issued paper, each once."""

    number = models.CharField(_("Document number"), max_length=60, unique=True)
    code = models.CharField(_("Organ code"), max_length=20)
    year = models.PositiveSmallIntegerField(_("Year"))
    serial = models.PositiveIntegerField(_("Serial number"))
    kind = models.CharField(_("Kind"), max_length=24)
    case_number = models.CharField(_("Number of the draft"), max_length=60)
    title = models.CharField(_("Title"), max_length=200)
    authority = models.ForeignKey(Authority, models.PROTECT, verbose_name=_("Issued by"))
    area_code = AreaCode(_("Area"))
    industry = models.ForeignKey(Industry, models.PROTECT, null=True, blank=True, verbose_name=_("Industry"))
    signed_on = models.DateField(_("Signed on"))
    signed_by = models.CharField(_("Signed by"), max_length=60)
    issued_at = models.DateTimeField(_("Issued at"), default=clock.now)
    body = models.TextField(_("Text"))
    body_digest = models.CharField(_("Digest of the text"), max_length=64)
    facts = models.TextField(_("Facts"), blank=True)
    facts_digest = models.CharField(_("Digest of the facts"), max_length=64, blank=True)
    corrects = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="corrections", verbose_name=_("Corrects")
    )
    public = models.BooleanField(_("Open to the public"), default=False)
    published_at = models.DateTimeField(pgettext_lazy("paper", "Published at"), null=True)
    withdrawn_at = models.DateTimeField(_("Revoked at"), null=True)
    withdrawn_why = models.CharField(_("Why it was revoked"), max_length=300, blank=True)
    archived_at = models.DateTimeField(_("Archived at"), null=True)

    class Meta:
        verbose_name = _("Issued paper")
        indexes: ClassVar = [models.Index(fields=("area_code", "-issued_at"), name="paper_of_area")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("code", "year", "serial"), name="paper_number_once"),
            models.CheckConstraint(condition=models.Q(serial__gte=1), name="paper_number_begins_at_one"),
            models.CheckConstraint(
                condition=models.Q(public=False) | models.Q(published_at__isnull=False), name="paper_public_published"
            ),
            models.CheckConstraint(
                condition=models.Q(withdrawn_at__isnull=True) | ~models.Q(withdrawn_why=""), name="paper_revoked_why"
            ),
        ]

    @classmethod
    def guards(cls) -> list[str]:
        """The trigger that holds what was issued, whoever asks: only `ADDED` is written, and each but once."""
        free = (*cls.ADDED, "version", "updated_at")
        kept = [f.column for f in cls._meta.concrete_fields if f.column not in free]
        once = ("published_at", "withdrawn_at", "archived_at")
        changed = " OR ".join(
            [f'NEW."{c}" IS DISTINCT FROM OLD."{c}"' for c in kept]
            + [f'(OLD."{c}" IS NOT NULL AND NEW."{c}" IS DISTINCT FROM OLD."{c}")' for c in once]
            + ["(OLD.published_at IS NOT NULL AND NEW.public IS DISTINCT FROM OLD.public)"]
            + ["(OLD.withdrawn_at IS NOT NULL AND NEW.withdrawn_why IS DISTINCT FROM OLD.withdrawn_why)"]
        )
        return held(cls._meta.db_table, changed, "an issued paper does not change")

    def sent_to(self) -> list[str]:
        """To whom it was sent, by name, as far as who asks sees it: one of several industries has a row for each."""
        return list(dict.fromkeys(self.recipients.order_by("pk").values_list("name", flat=True)))

    def get_absolute_url(self) -> str:
        from django.urls import reverse

        return reverse("papers:issued", args=(self.pk,))

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


def held(table: str, changed: str, words: str, removed: str = "true") -> list[str]:
    """The statements of a trigger on `table` that refuses an update that has `changed`, and a removal where `removed`
    (both SQL over OLD and NEW)."""
    name = f"anlan_held_{table}"
    return [
        f"""
        CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $fn$
        BEGIN
          IF TG_OP = 'DELETE' THEN
            IF {removed} THEN
              RAISE EXCEPTION '{words}: %', OLD.number USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN OLD;
          END IF;
          IF {changed} THEN
            RAISE EXCEPTION '{words}: %', OLD.number USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $fn$
        """,
        f'DROP TRIGGER IF EXISTS held ON "{table}"',
        f'CREATE TRIGGER held BEFORE UPDATE OR DELETE ON "{table}" FOR EACH ROW EXECUTE FUNCTION {name}()',
    ]


class Recipient(models.Model):
    """To whom an issued paper was sent: whoever sees the row reads the paper. Those of the paper's own place say so."""

    scope_rule = By(area="area_code", industry="industry_id", enterprise="enterprise_id")
    append_only = True

    id = models.BigAutoField(primary_key=True)
    paper = models.ForeignKey(IssuedPaper, models.PROTECT, related_name="recipients")
    name = models.CharField(_("Recipient"), max_length=120)
    area_code = AreaCode(_("Area"))
    industry_id = models.CharField(max_length=24, null=True)
    enterprise_id = models.BigIntegerField(null=True)
    sent_at = models.DateTimeField(_("Sent at"), default=clock.now)

    class Meta:
        verbose_name = _("Recipient")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("paper", "name", "industry_id"), name="recipient_once", nulls_distinct=False
            )
        ]

    @classmethod
    def guards(cls) -> list[str]:
        """Nobody lets himself in: a row at one's own place is not enough, the paper must lie there, too. (A policy that
        asked so would ask itself: the paper's own asks the recipients.)"""
        return [
            """
            CREATE OR REPLACE FUNCTION anlan_recipient_named() RETURNS trigger LANGUAGE plpgsql
            SET search_path = public, pg_temp AS $fn$
            BEGIN
              IF NOT EXISTS (SELECT FROM parties_issuedpaper WHERE id = NEW.paper_id
                  AND starts_with(area_code, coalesce(current_setting('anlan.area_low', true), '~'))) THEN
                RAISE EXCEPTION 'to whom a paper is sent is said where it was issued' USING ERRCODE = '42501';
              END IF;
              RETURN NEW;
            END $fn$
            """,
            "DROP TRIGGER IF EXISTS named ON parties_recipient",
            "CREATE TRIGGER named BEFORE INSERT ON parties_recipient FOR EACH ROW "
            "EXECUTE FUNCTION anlan_recipient_named()",
        ]

    def __str__(self) -> str:
        return self.name


class PaperFile(models.Model):
    """An issued paper as a file, made once; the bytes stand in the store under their SHA-256."""

    FORMS = (("pdf", "PDF"), ("docx", "DOCX"))
    scope_rule = Through("paper")
    append_only = True
    names_files = True

    id = models.BigAutoField(primary_key=True)
    paper = models.ForeignKey(IssuedPaper, models.PROTECT, related_name="files")
    form = models.CharField(_("Form"), max_length=4, choices=FORMS)
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(_("Type"), max_length=100)
    size = models.PositiveBigIntegerField(_("Size in bytes"))
    made_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("File of a paper")
        constraints: ClassVar = [models.UniqueConstraint(fields=("paper", "form"), name="paper_file_once")]


class OfficialPaper(Case):
    """A paper from its draft to its archive; an office's kinds subclass it.

    `machine` is what was drafted (JSON of `engines.papers`), `edits` what people changed of it (`papers.text`),
    `facts` what it rests on. All three change in a draft alone: the database holds them from its review on.
    Enterprises see none of it before it is issued, and sent to them.
    """

    scope_rule = By(area="area_code", industry="industry_id")

    machine = models.TextField(blank=True, editable=False)
    edits = models.JSONField(default=dict, blank=True, editable=False)
    facts = models.TextField(blank=True, editable=False)
    facts_digest = models.CharField(max_length=64, blank=True, editable=False)
    authority = models.ForeignKey(Authority, models.PROTECT, related_name="+", verbose_name=_("Issued by"))
    signatory = models.ForeignKey(
        Post, models.SET_NULL, related_name="+", null=True, blank=True, verbose_name=_("To be signed by")
    )
    due_on = models.DateField(_("To be issued by"), null=True, blank=True)
    signed_at = models.DateTimeField(pgettext_lazy("paper", "Signed at"), null=True, editable=False)
    signed_by = models.CharField(_("Signed by"), max_length=60, blank=True, editable=False)
    document_number = models.CharField(
        pgettext_lazy("paper", "Document number"), max_length=60, blank=True, editable=False
    )
    corrects = models.ForeignKey(
        IssuedPaper, models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("Corrects")
    )
    issued = models.OneToOneField(IssuedPaper, models.PROTECT, related_name="+", null=True, editable=False)

    class Meta(Case.Meta):
        abstract = True

    @classmethod
    def guards(cls) -> list[str]:
        """Besides what a case needs: text and facts change in a draft that nobody signed, and what was issued stays."""
        text = ("title", "machine", "edits", "facts", "facts_digest", "authority_id", "corrects_id", "signatory_id")
        changed = " OR ".join(f'NEW."{c}" IS DISTINCT FROM OLD."{c}"' for c in text)
        signed = ("signed_at", "signed_by", "document_number", "issued_id")
        kept = " OR ".join(f'NEW."{c}" IS DISTINCT FROM OLD."{c}"' for c in signed)
        return [
            *super().guards(),
            *held(
                cls._meta.db_table,
                f"((OLD.state <> 'draft' OR OLD.signed_at IS NOT NULL) AND ({changed})) "
                f"OR (OLD.issued_id IS NOT NULL AND ({kept}))",
                "a paper changes in its draft alone", removed="OLD.state <> 'draft'",
            ),
        ]  # fmt: skip

    def known(self) -> Any:
        """The paper as it stands (`papers.text.Text`)."""
        from anlan.parties.papers.text import Text

        return Text.of(self.machine, self.edits)

    def from_facts(self) -> Paper | None:
        """What the program drafts of `facts` today, for kinds that draft from facts alone."""
        return None
