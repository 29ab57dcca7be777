"""Letters: drafted for all addressees at once, and what becomes of their cases when the paper is out or withdrawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from anlan.kernel import cases, clock
from anlan.kernel.cases import MoveRefused, engine
from anlan.parties import papers
from anlan.parties.models import Authority, Enterprise
from anlan.parties.papers import issuing as numbering
from anlan.parties.papers.lifecycle import revoked, write

from . import drafting
from .models import Addressed, Letter, Meeting

CHANGED = "changed"
"""The note in the history of a case whose letter was changed in its draft."""
WITH_LETTER = _("It goes with its letter.")
LIVE = ("draft", "review", "signing", "signed", "issued", "published", "archived")


def office(area_code: str) -> Authority:
    """The safety committee's office of a place, which issues. Raises `MoveRefused`."""
    found = Authority.objects.at(clock.today()).filter(area_code=area_code, kind="committee_office").first()
    if found is None:
        raise MoveRefused("no_office", str(_("No safety committee's office is entered for this place.")))
    return found


# --- Orders and circulars --------------------------------------------------------------------------


def draft(genre: str, by: Any, addressees: Sequence[Any], about: Mapping[str, str], **said: Any) -> Letter:
    """Drafts one letter, and a case for each addressee (an authority or an enterprise); all or none.

    `said` is what the letter says (subject, grounds, asked, answer_by, measure), `about` the record that the cases are
    about. It takes as many statements for many addressees as for one. Raises `FieldError` and `MoveRefused`.
    """
    kind = "order" if genre == "order" else "circular"
    with transaction.atomic():
        letter: Letter = papers.draft(
            "letter", by, authority=office(by.area_code), genre=genre, title=said["subject"], **said
        )
        own = {**_of_case(letter), **about, "area_code": by.area_code, "letter": letter}
        made = cases.open_cases(kind, by, [
            ({**own, "enterprise" if isinstance(one, Enterprise) else "addressee": one}, lambda case: case.prepare())
            for one in addressees
        ])  # fmt: skip
        names = [case.addressee_name for case in made]
        return papers.redraft(letter, by, drafting.paper(letter, names), drafting.facts(letter, names))  # type: ignore[return-value]


def _of_case(letter: Letter) -> dict[str, Any]:
    """What a case has of its letter."""
    own = {"title": letter.subject, "facts": letter.grounds, "asked": letter.asked}
    if letter.genre == "order":
        return own | {"answer_by": letter.answer_by}
    return own | {"genre": letter.genre, "measure": letter.measure}


def addressed(letter: Letter) -> list[Any]:
    """The cases of a letter."""
    rows = letter.supervisionorders if letter.genre == "order" else letter.circulars  # type: ignore[attr-defined]
    return list(rows.select_related("addressee", "enterprise").order_by("number_order"))


def changed(case: Letter, facts: Mapping[str, Any], by: Any) -> None:
    """What is demanded was changed in the draft: so are the cases, and the text is drafted anew."""
    rows = addressed(case)
    for one in rows:
        for name, value in _of_case(case).items():
            setattr(one, name, value)
        one.save()
        engine.enter(one, CHANGED, one.state, by, {}, clock.now())
    names = [one.addressee_name for one in rows]
    write(case, drafting.paper(case, names), drafting.facts(case, names))


# --- Minutes -----------------------------------------------------------------------------------------


def draft_minutes(meeting: Meeting, by: Any) -> Letter:
    """The letter of a meeting's minutes. Raises `MoveRefused`."""
    with transaction.atomic():
        locked = Meeting.objects.select_for_update(of=("self",)).get(pk=meeting.pk)
        if (there := live(locked)) is not None:
            return there
        body = office(meeting.owner_area_code)
        text, rests_on = _minutes(locked, body)
        letter: Letter = papers.draft(
            "letter", by, authority=body, paper=text, facts=rests_on, genre="minutes", subject=locked.title,
            meeting=locked,
        )  # fmt: skip
        return letter


def _minutes(meeting: Meeting, body: Authority) -> tuple[Any, str]:
    decided = list(meeting.decisions())
    return drafting.minutes(meeting, body.name, decided), drafting.minuted(meeting, decided)


def live(meeting: Meeting) -> Letter | None:
    """The letter of the minutes that was not withdrawn or revoked."""
    found: Letter | None = meeting.letters.filter(state__in=LIVE).order_by("-pk").first()  # type: ignore[attr-defined]
    return found


def minutes_changed(meeting: Meeting, by: Any) -> None:
    """Drafts the minutes' letter anew; `MoveRefused` where it has left its draft."""
    letter = live(meeting)
    if letter is None:
        return
    if letter.state != "draft":
        raise MoveRefused("letter", str(_("The paper %(number)s is on its way: send it back to its draft first."))
                          % {"number": letter.number})  # fmt: skip
    papers.redraft(letter, by, *_minutes(meeting, letter.authority))


# --- The letter is out, withdrawn or revoked ---------------------------------------------------------


def published(case: Letter, facts: Mapping[str, Any], by: Any) -> None:
    """Sends the paper to all whom it names, and moves what hangs on it."""
    assert case.issued is not None
    if case.genre == "minutes":
        meeting = case.meeting
        assert meeting is not None
        invited = [one.authority for one in meeting.invitations.select_related("authority")]
        named = [unit for one in meeting.decisions() for unit in one.units.all()]
        numbering.send(case.issued, False, list({body.pk: body for body in (*invited, *named)}.values()))
        engine.move(meeting, "issue", by=by, seen_version=meeting.version)
        return
    rows = addressed(case)
    firms = {one.enterprise_id: one.enterprise for one in rows if one.enterprise is not None}
    if gone := [one.addressee_name for one in rows if one.enterprise_id and one.enterprise is None]:
        # It has moved since the draft; the others are not left without their letter for it.
        raise MoveRefused("gate", str(_("%(names)s lies in another area by now: have the letter taken back."))
                          % {"names": "、".join(gone)[:300]})  # fmt: skip
    numbering.send(case.issued, False, [one.addressee for one in rows if one.addressee is not None], [*firms.values()])
    for one in rows:
        if one.state == "draft":
            engine.move(one, "thank" if case.genre == "thanks" else "issue", by=by, seen_version=one.version)


def is_out(case: Addressed) -> Any:
    """Why a case is not delivered yet: its paper is not out."""
    paper = case.letter.issued if case.letter is not None else None
    return None if paper is not None and paper.published_at is not None else WITH_LETTER


def is_gone(case: Addressed) -> Any:
    """Why a draft is not dropped: its letter stands."""
    return None if case.letter is not None and case.letter.state in ("withdrawn", "revoked") else WITH_LETTER


def withdrawn(case: Letter, facts: Mapping[str, Any], by: Any) -> None:
    """The cases of a draft that comes to nothing are dropped with it."""
    for one in _waiting(case, "withdrawn"):
        engine.move(one, "drop", by=by, seen_version=one.version, facts_={"reason": facts["reason"]})


def taken_back(case: Letter, facts: Mapping[str, Any], by: Any) -> None:
    """A paper that is revoked takes the cases along that still run; a meeting waits for its minutes again."""
    revoked(case, facts, by)
    if case.genre == "minutes":
        _minutes_taken_back(case, facts["reason"], by)
    for one in _waiting(case, "revoked"):
        name = "answer" if case.genre == "criticism" and one.state != "draft" else "reason"
        move = "drop" if one.state == "draft" else "revoke"
        engine.move(one, move, by=by, seen_version=one.version, facts_={name: facts["reason"]})


def _minutes_taken_back(case: Letter, reason: str, by: Any) -> None:
    meeting = case.meeting
    assert meeting is not None
    if meeting.state != "issued":
        return
    for task in meeting.tasks.filter(closed_at__isnull=True).order_by("number_order"):  # type: ignore[attr-defined]
        engine.move(task, "revoke", by=by, seen_version=task.version, facts_={"reason": reason})
    _stands(case, "revoked")
    engine.move(meeting, "reopen", by=by, seen_version=meeting.version, facts_={"reason": reason})


def _waiting(case: Letter, state: str) -> Iterator[Any]:
    """The cases that still run, once the letter stands so: they ask it."""
    if case.genre == "minutes":
        return
    _stands(case, state)
    yield from (one for one in addressed(case) if one.closed_at is None)


def _stands(case: Letter, state: str) -> None:
    """Keeps the letter's new state before its move does: what hangs on it looks at the row."""
    Letter.objects.filter(pk=case.pk).update(state=state)
