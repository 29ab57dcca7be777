"""The life of a paper, the same for all kinds: draft, review, signature, issue, publication, archive."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any

from django import forms
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

from anlan.engines.papers import BadPaper, Heading, Note, Paper, encode
from anlan.kernel import clock, notices
from anlan.kernel.cases import MoveRefused, Stale, engine, open_case
from anlan.kernel.cases.lifecycle import STOP, Clock, Field, Lifecycle, Move, Person, State, Universal
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.cases.universal import REASON
from anlan.kernel.scope import area_prefix
from anlan.parties.models import Account, Authority, OfficialPaper, Post
from anlan.parties.names import mark

from . import issuing
from .text import Text

EDITED, REDRAFTED = "edited", "redrafted"
"""The notes in the history: who changed which parts, who had it drafted anew."""
WRITING = (engine.OPENED, EDITED, REDRAFTED, "submit")
ISSUERS = frozenset({"city", "district"})
AUDIENCES = (("named", _("Named recipients")), ("public", pgettext_lazy("paper", "Everybody")))
KINDS = ("government", "committee_office", "supervisor", "department")
"""The authorities to which papers are sent."""


# --- Who may ---------------------------------------------------------------------------------------


def seated(case: OfficialPaper, by: Any) -> Any:
    """Only the people of the authority work on its papers: a higher one reads them, and writes its own."""
    at_home = by.area_code == case.owner_area_code
    if at_home and by.role == "department":
        at_home = by.authority_id == case.authority_id
    return None if at_home else _("This is for the people of %(authority)s.") % {"authority": case.authority}


def another(case: OfficialPaper, by: Any) -> Any:
    """Who wrote of it does not review it."""
    if why := seated(case, by):
        return why
    wrote = CaseEntry.of(case).filter(move__in=WRITING, by_id=by.pk).exists()
    return _("You wrote of it: another person reviews it.") if wrote else None


def signs(case: OfficialPaper, by: Any) -> Any:
    """The authority's principal head signs, or the one of several who was named; never who wrote of it."""
    if why := seated(case, by):
        return why
    posts = _signatories(case)
    if not posts.filter(person_id=by.person_id or 0).exists():
        return _("Only the leader of the authority signs: %(names)s.") % {"names": _named(posts)}
    wrote = CaseEntry.of(case).filter(move__in=WRITING, by_id=by.pk).exists()
    return _("You wrote of it: another leader signs it.") if wrote else None


def leads(case: OfficialPaper, by: Any) -> Any:
    """Who leads the authority today takes back what it issued: who signed it may have left long since."""
    if why := seated(case, by):
        return why
    posts = heads(case.authority, clock.today())
    if posts.filter(person_id=by.person_id or 0).exists():
        return None
    return _("Only the leader of the authority takes a paper back: %(names)s.") % {"names": _named(posts)}


def _signatories(case: OfficialPaper) -> Any:
    """The posts of today's leaders: all of them, or the one who was named."""
    posts = heads(case.authority, clock.today())
    return posts if case.signatory_id is None else posts.filter(pk=case.signatory_id)


def heads(authority: Authority, on: date) -> Any:
    """The posts of those who lead an authority on a day."""
    return Post.objects.at(on).filter(authority=authority, head=True)


def _named(posts: Any) -> str:
    return "、".join(str(post) for post in posts.select_related("person")) or str(_("nobody holds the post"))


def may_edit(case: OfficialPaper, by: Any) -> bool:
    """Whether `by` may change the text of the paper as it stands."""
    return case.state == "draft" and by.role in case.lifecycle.open_by and not seated(case, by)


# --- Drafting and editing --------------------------------------------------------------------------


def draft(
    kind: str, by: Person, *, authority: Authority, paper: Paper | None = None, facts: str = "", **fields: Any
) -> Any:
    """Opens a paper of `kind` in the state "draft". Without `paper` its text comes later (`redraft`); then `title` says
    what it is called meanwhile. Raises `MoveRefused` and `BadPaper`."""
    fields = {"area_code": authority.area_code, **fields}
    if paper is not None:
        fields["title"] = _title(paper)

    def prepare(case: Any) -> None:
        case.owner_id, case.owner_name = by.pk, by.name
        if paper is not None:
            write(case, paper, facts)

    return open_case(kind, by, prepare=prepare, authority=authority, **fields)


def _title(paper: Paper) -> str:
    return " ".join(paper.title.split())[:200]


def write(case: OfficialPaper, paper: Paper, facts: str) -> None:
    """Puts a paper, and what it rests on, in the place of the draft; the caller saves."""
    paper.check()
    case.machine, case.edits, case.facts = encode(paper).decode(), {}, facts
    case.facts_digest = hashlib.sha256(facts.encode()).hexdigest() if facts else ""
    case.title = _title(paper)


def redraft(case: OfficialPaper, by: Person, paper: Paper, facts: str = "") -> OfficialPaper:
    """Writes the draft anew: what people changed of the one before is gone from it, and stays in the audit."""
    with transaction.atomic():
        row = type(case)._default_manager.select_for_update(of=("self",)).get(pk=case.pk)
        if row.state != "draft":
            raise MoveRefused("not_from_here", str(_("Only a draft can be changed.")))
        write(row, paper, facts)
        row.save()
        engine.enter(row, REDRAFTED, row.state, by, {}, clock.now())
    return row


def edit(case: OfficialPaper, by: Any, seen_version: int, change: Callable[[Text], Text], **columns: Any) -> Any:
    """Changes the text of a draft: `change` makes of the text the new one; `columns` are kept besides (`signatory`).

    Raises `Stale` where somebody changed the paper since `seen_version`, `MoveRefused`, `BadText` and `BadPaper`. Where
    nothing was changed, nothing is written.
    """
    with transaction.atomic():
        row = type(case)._default_manager.select_for_update(of=("self",)).get(pk=case.pk)
        if row.version != seen_version:
            raise Stale(row, list(CaseEntry.of(row).filter(version__gt=seen_version)))
        if not may_edit(row, by):
            raise MoveRefused("not_from_here", str(_("Only a draft can be changed, and by its authority alone.")))
        before = row.known()
        text = change(before)
        other = [name for name, value in columns.items() if getattr(row, name) != value]
        if text.edits == before.edits and not other:
            return row
        row.edits, row.title = text.edits.plain(), _title(text.paper)
        for name in other:
            setattr(row, name, columns[name])
        row.save()
        engine.enter(row, EDITED, row.state, by, {"parts": len(text.changed())}, clock.now())
    return row


# --- Moves -----------------------------------------------------------------------------------------


def written(case: OfficialPaper) -> Any:
    return None if case.machine else _("It is not drafted yet.")


def fit(case: OfficialPaper, facts: Mapping[str, Any]) -> Any:
    """That it can be laid out at all, and numbered, and says something; and that what it corrects still stands."""
    if case.corrects is not None and case.corrects.withdrawn_at is not None:
        return _("What it corrects was revoked: withdraw this draft, and draft the paper anew.")
    if not case.authority.short_name:
        return _("%(authority)s has no short name for document numbers: enter it in the register of authorities.") % {
            "authority": case.authority
        }
    try:
        paper = case.known().paper
    except BadPaper as error:
        return _("The paper cannot be laid out: %(why)s") % {"why": error}
    told = [block for part in (paper, *paper.annexes) for block in part.blocks]
    if all(isinstance(block, Heading | Note) for block in told):
        return _("The paper says nothing: keep a paragraph, a table or a chart at least.")
    return None


def _colleagues(case: OfficialPaper) -> list[Any]:
    """Those of the authority who wrote nothing of it."""
    wrote = CaseEntry.of(case).filter(move__in=WRITING, by_id__isnull=False).values("by_id")
    people = Account.objects.filter(is_active=True, role__in=case.lifecycle.open_by, area_code=case.owner_area_code)
    return [one for one in people.exclude(pk__in=wrote) if not seated(case, one)]


def _tell(case: OfficialPaper, to: list[Any], words: str) -> None:
    notices.send(to, words, {"title": case.title}, url=case.get_absolute_url(), level="attention")


def submitted(case: OfficialPaper, facts: Mapping[str, Any], by: Any) -> None:
    _tell(case, [one for one in _colleagues(case) if one.pk != by.pk], gettext_noop("To be reviewed: %(title)s"))


def reviewed(case: OfficialPaper, facts: Mapping[str, Any], by: Any) -> None:
    leaders = Account.objects.filter(is_active=True, person_id__in=_signatories(case).values("person_id"))
    _tell(case, list(leaders), gettext_noop("To be signed: %(title)s"))


def _drafter(case: OfficialPaper) -> list[Any]:
    return list(Account.objects.filter(is_active=True, pk=case.owner_id))


def signed(case: OfficialPaper, facts: Mapping[str, Any], by: Any) -> None:
    case.signed_at, case.signed_by = clock.now(), by.name if by.person is None else by.person.name
    _tell(case, _drafter(case), gettext_noop("Signed, to be issued: %(title)s"))


def sent_back(case: OfficialPaper, facts: Mapping[str, Any], by: Any) -> None:
    case.signed_at, case.signed_by = None, ""
    _tell(case, _drafter(case), gettext_noop("Sent back: %(title)s"))


def _audience() -> forms.Field:
    return forms.ChoiceField(label=pgettext_lazy("paper", "For whom"), choices=AUDIENCES, widget=forms.RadioSelect)


def _recipients() -> forms.Field:
    return forms.MultipleChoiceField(
        label=_("Recipients"), help_text=_("Several can be chosen. For everybody none is named."),
        widget=forms.SelectMultiple(attrs={"size": 8}),
    )  # fmt: skip


def _within(case: OfficialPaper, field: forms.Field) -> None:
    """Those at the authority's own place and one tier below."""
    assert isinstance(field, forms.MultipleChoiceField)
    field.choices = [(body.name, body.name) for body in _bodies(case)]


def _bodies(case: OfficialPaper) -> Any:
    tiers = (case.authority.tier, case.authority.tier + 1)
    place = area_prefix(case.area_code)
    found = Authority.objects.at(clock.today()).filter(area_code__startswith=place, tier__in=tiers)
    kinds = KINDS if case.authority.tier < 2 else (*KINDS, "station")
    return found.filter(kind__in=kinds).exclude(pk=case.authority_id).order_by("tier", "kind", "area_code", "name")


def addressed(case: OfficialPaper, facts: Mapping[str, Any]) -> Any:
    named = facts.get("recipients") or []
    if facts["audience"] == "named" and not named:
        return {"recipients": [_("Name at least one.")]}
    if facts["audience"] == "public" and named:
        return {"recipients": [_("Everybody may read it: name none.")]}
    return None


def published(case: OfficialPaper, facts: Mapping[str, Any], by: Any) -> None:
    assert case.issued is not None
    named = facts.get("recipients") or []
    to = [body for body in _bodies(case) if body.name in named]
    issuing.send(case.issued, facts["audience"] == "public", to)
    if to:
        places = {body.area_code for body in to}
        roles = {"city", "district", "department", "township"}
        readers = Account.objects.filter(is_active=True, area_code__in=places, role__in=roles).exclude(pk=by.pk)
        sent = {body.pk for body in to}
        told = [one for one in readers if one.role != "department" or one.authority_id in sent]
        notices.send(
            told, gettext_noop("You were sent a paper: %(number)s %(title)s"),
            {"number": case.document_number, "title": case.title}, url=case.issued.get_absolute_url(),
        )  # fmt: skip


def revoked(case: OfficialPaper, facts: Mapping[str, Any], by: Any) -> None:
    assert case.issued is not None
    case.issued.withdrawn_at, case.issued.withdrawn_why = clock.now(), facts["reason"][:300]
    case.issued.save(update_fields=["withdrawn_at", "withdrawn_why"])


def archived(case: OfficialPaper, facts: Mapping[str, Any], by: Any) -> None:
    assert case.issued is not None
    case.issued.archived_at = clock.now()
    case.issued.save(update_fields=["archived_at"])


STATES = (
    State("draft", pgettext_lazy("paper", "Draft")),
    State("review", pgettext_lazy("paper", "In review")),
    State("signing", _("To be signed")),
    State("signed", _("Signed, to be issued")),
    State("issued", pgettext_lazy("paper", "Issued")),
    State("published", pgettext_lazy("paper", "Published")),
    State("archived", pgettext_lazy("paper", "Archived"), end=True),
    State("withdrawn", pgettext_lazy("paper", "Withdrawn"), end=True),
    State("revoked", pgettext_lazy("paper", "Revoked"), end=True),
)


def official(
    kind: str, model: type[OfficialPaper], *, title: Promise, singular: Promise, number: str,
    who: Collection[str] = ISSUERS, icon: str = "file-text", moves: tuple[Move, ...] = (),
    states: tuple[State, ...] = (), lead: Callable[[Any, Any], dict[str, Any]] | None = None, **more: Any,
) -> Lifecycle:  # fmt: skip
    """The life cycle of a kind of paper, to be declared. See `anlan.parties.papers`.

    `who` are the roles that draft, review and sign; `moves` and `states` what the kind does besides, a move in the
    place of that of all kinds which has its name;
    `lead(case, account)` gives what its page shows besides, `lead_template` among it; `more` goes to `Lifecycle`.
    """

    def part(case: Any, account: Any) -> tuple[str, dict[str, Any]]:
        from .views import shown

        return "papers/_case.html", {**shown(case, account), **(lead(case, account) if lead else {})}

    common: dict[str, Any] = {"who": who, "barred": seated}
    own = (
        Move("submit", _("Submit for review"), ("draft",), "review", ready=written, gate=fit, effect=submitted,
             words=_("%(actor)s submitted the draft for review"), tone="primary", **common),
        Move("pass", _("Pass the review"), ("review",), "signing", who, barred=another, effect=reviewed,
             forbid_same_person_as=("submit",), words=_("%(actor)s reviewed the draft and passed it on for signature"),
             tone="primary"),
        Move("sign", pgettext_lazy("paper", "Sign"), ("signing",), "signed", who, barred=signs, gate=fit, effect=signed,
             forbid_same_person_as=("submit", "pass"), words=_("%(actor)s signed the paper"), tone="primary",
             in_person=True),
        Move("send_back", _("Send back"), ("review", "signing", "signed"), "draft", demands=(REASON,),
             effect=sent_back, words=_("%(actor)s sent the draft back: %(reason)s"), **common),
        Move("issue", pgettext_lazy("paper", "Number and issue"), ("signed",), "issued", gate=fit, effect=issuing.issue,
             clock=Clock(rule="papers.publish"), words=_("%(actor)s numbered and issued the paper"), tone="primary",
             **common),
        Move("publish", pgettext_lazy("paper", "Publish"), ("issued",), "published",
             demands=(Field("audience", _audience), Field("recipients", _recipients, required=False, narrow=_within)),
             gate=addressed, effect=published, clock=Clock(rule="papers.archive"),
             words=_("%(actor)s published the paper"), tone="primary", **common),
        Move("archive", pgettext_lazy("paper", "Archive"), ("published",), "archived", effect=archived, clock=STOP,
             words=_("%(actor)s archived the paper"), tone="primary", **common),
        Move("withdraw", pgettext_lazy("paper", "Withdraw"), ("draft", "review", "signing", "signed"), "withdrawn",
             demands=(REASON,), clock=STOP, words=_("%(actor)s withdrew the draft: %(reason)s"), tone="critical",
             **common),
        Move("revoke", pgettext_lazy("paper", "Revoke"), ("issued", "published", "archived"), "revoked", who,
             barred=leads, demands=(REASON,), clock=STOP, effect=revoked,
             words=_("%(actor)s revoked the paper: %(reason)s"), tone="critical", in_person=True),
    )  # fmt: skip
    more.setdefault("sections", (
        (_("Paper"), ("authority", "document_number", "corrects", "signatory", "due_on")),
        (pgettext_lazy("paper", "Signature"), ("signed_by", "signed_at")),
    ))  # fmt: skip
    named = {move.name for move in moves}
    more.setdefault("start_clock", None)
    return Lifecycle(
        kind=kind, model=model, title=title, singular=singular, icon=icon, states=(*STATES, *states), start="draft",
        open_by=who, number=number, mark=mark, part=part,
        moves=(*(move for move in own if move.name not in named), *moves),
        opened_words=_("%(actor)s had the paper drafted"),
        notes={
            EDITED: _("%(actor)s changed the text: %(parts)s parts are a person's by now"),
            REDRAFTED: _("%(actor)s had it drafted anew from the records"),
        },
        universal=Universal(list_=()), **more,
    )  # fmt: skip
