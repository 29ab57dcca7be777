"""`anlan plan …` and `anlan bulletin`."""

from __future__ import annotations

import hashlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from django.conf import settings
from django.utils.translation import override

from .reading.flat import Unreadable
from .reading.reader import Clause, Draft, read_file
from .risk.assessment import risk
from .targets.forecasting import forecast


@click.group()
def plan() -> None:
    """The year's plan: read a notice, load a plan file."""


@plan.command("read")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True)
def read_(file: Path, as_json: bool) -> None:
    """Read a notice's text into clauses and targets; what cannot be read is listed."""
    try:
        with override("en"):  # as the other words of the command
            draft = read_file(file)
    except Unreadable as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    click.echo(json.dumps(draft.json(), ensure_ascii=False, indent=1) if as_json else _words(draft))


def _words(draft: Draft) -> str:
    lines = [draft.title or "?", f"{draft.issuer} {draft.issued_on or '?'}", ""]
    for clause in draft.clauses:
        _clause(clause, 0, lines)
    lines.append("")
    for t in draft.targets:
        baseline = f" [{t['baseline']}]" if t["baseline"] else ""
        lines.append(f"{t['clause']:6} {t['comparator']:7} {t['value']:g}{t['unit']}{baseline}  {t['subject']}")
    lines += ["", f"unread: {len(draft.unread)}"]
    lines += [f"  {u['start']}: {u['what']}: {u['words']}" for u in draft.unread]
    return "\n".join(lines)


def _clause(clause: Clause, depth: int, lines: list[str]) -> None:
    lines.append(f"{'  ' * depth}{clause.id} {clause.number}{clause.title}")
    for child in clause.children:
        _clause(child, depth + 1, lines)


@plan.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--drafted-by", help="user name of who drafted it; another must adopt it")
def load_(file: Path, drafted_by: str | None) -> None:
    """Load a plan file as the draft of its year."""
    from anlan.kernel.datafiles import BadFile
    from anlan.kernel.scope import EVERYWHERE, Actor, acting
    from anlan.parties.models import Account

    from . import planfile

    try:
        with acting(Actor("command", "plan load"), EVERYWHERE):
            account = Account.objects.filter(username=drafted_by).first() if drafted_by else None
            if drafted_by and account is None:
                raise BadFile(f"--drafted-by: there is no user {drafted_by}")
            made = planfile.load(file, account)
            click.echo(f"{made.title}: {made.clauses.count()} clauses, {made.targets.count()} targets")
    except BadFile as error:
        click.echo(str(error), err=True)
        sys.exit(2)


@plan.command("clauses")
@click.argument("year", type=int)
@click.option("--json", "as_json", is_flag=True)
def clauses_(year: int, as_json: bool) -> None:
    """The clause table: duty-holders, records that prove each clause, and what is not there yet."""
    from anlan.kernel.scope import EVERYWHERE, Actor, acting

    from .states import states

    with acting(Actor("command", "plan clauses"), EVERYWHERE):
        found = _of(year)
        rows = states(found) if found else []
    if found is None:
        click.echo(f"there is no plan of {year}", err=True)
        sys.exit(2)
    for s in rows:
        facts = {
            "id": s.clause.code, "title": s.clause.title, "duty_holders": s.duty_holders, "records": s.records,
            "measured": s.measured, "warned": s.warned, "live": s.live,
        }  # fmt: skip
        proofs = ", ".join(f"{k} {'not yet' if v is None else v}" for k, v in s.records.items()) or "not yet"
        words = f"{s.clause.code:6} {s.clause.title}: duty-holders {s.duty_holders}; {proofs}; live: {s.live}"
        click.echo(json.dumps(facts, ensure_ascii=False) if as_json else words)


@plan.command("write")
@click.argument("year", type=int)
def write_(year: int) -> None:
    """Print a year's plan as a plan file: the one in force, or else the draft."""
    from anlan.kernel.scope import EVERYWHERE, Actor, acting

    from . import planfile

    with acting(Actor("command", "plan write"), EVERYWHERE):
        found = _of(year)
        text = planfile.write(found) if found else ""
    if found is None:
        click.echo(f"there is no plan of {year}", err=True)
        sys.exit(2)
    click.echo(text, nl=False)


def _of(year: int) -> Any:
    """That year's plan: the one in force, or else the one in the making."""
    from .models import OPEN, Plan

    of_year = Plan.objects.filter(year=year).order_by("area_code")
    return of_year.filter(state="adopted").first() or of_year.filter(state__in=OPEN).first()


@click.command()
@click.argument("kind", type=click.Choice(("monthly", "quarterly", "annual")))
@click.option("--period", "period_text", required=True, help="2013-06, 2013-Q2 or 2013.")
@click.option("--out", type=click.Path(path_type=Path), help="FILE.docx or FILE.pdf.")
@click.option("--area", "area_code", help="A district's code; without it the city.")
@click.option("--number", type=int, help="The serial number under which it is issued; without it the paper is a draft.")
@click.option("--date", "signed_on", type=click.DateTime(("%Y-%m-%d",)), help="The date of signature, like 2013-07-05.")
@click.option("--keep-as", metavar="USER", help="Keep it as a draft of that user, to be edited and signed.")
@click.option("--json", "as_json", is_flag=True, help="What was made, as JSON.")
def bulletin(
    kind: Any, period_text: str, out: Path | None, area_code: str | None, number: int | None,
    signed_on: datetime | None, keep_as: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Draft the bulletin of a month, a quarter or a year as an official paper, from the records."""
    if keep_as is not None:
        if (out, area_code, number, signed_on) != (None, None, None, None):
            click.echo("--keep-as: what is kept is numbered and dated when it is issued, and of its drafter's own area",
                       err=True)  # fmt: skip
            sys.exit(2)
        _keep(kind, period_text, keep_as, as_json)
        return
    if out is None:
        click.echo("say --out FILE, or --keep-as USER", err=True)
        sys.exit(2)
    from anlan.engines.measures import BadPeriod
    from anlan.engines.papers import BadPaper, fonts, pdf
    from anlan.kernel import areas
    from anlan.kernel.scope import EVERYWHERE, Actor, acting

    from .bulletins import draft, facts

    try:
        if out.suffix.lower() not in (".docx", ".pdf"):
            raise facts.BadBulletin(f"--out {out}: a file that ends in .docx or .pdf")
        if not out.parent.is_dir():
            raise facts.BadBulletin(f"--out {out}: there is no folder {out.parent}")
        with ThreadPoolExecutor(1) as beside, acting(Actor("command", "bulletin"), EVERYWHERE):
            # Fonts take a second to be read, in which this process only waits for the database.
            faces = beside.submit(fonts.faces, settings.PAPER_FONTS) if out.suffix.lower() == ".pdf" else None
            code, _tier = areas.whole(area_code or "")
            found = facts.gather(kind, facts.period_of(kind, period_text), code)
        paper = draft.paper(found, serial=number, signed_on=signed_on.date() if signed_on else None)
        notes: list[str] = []
        if faces is not None:
            printed = pdf.render(paper, faces.result())
            data = printed.data
            if printed.missing:
                notes.append(f"no font has {''.join(printed.missing)}: printed as 〓")
            if printed.standing_in:
                notes += [f"{used} stands in for {name}" for name, used in printed.standing_in.items()]
        else:
            from anlan.engines.papers import docx

            data = docx.render(paper)
        out.write_bytes(data)
    except (facts.BadBulletin, areas.NoDivision, BadPeriod, BadPaper, fonts.NoFonts) as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except OSError as error:
        click.echo(f"--out {out}: {error.strerror}", err=True)
        sys.exit(2)
    made = {
        "file": str(out), "title": paper.title, "period": found.period, "as_of": found.as_of.isoformat(),
        "facts": facts.digest(found), "sha256": hashlib.sha256(data).hexdigest(), "notes": notes,
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps(made, ensure_ascii=False))
        return
    click.echo(f"{out}: {paper.title}")
    for note in notes:
        click.echo(f"  {note}", err=True)


def _keep(kind: str, period_text: str, username: str, as_json: bool) -> None:
    """Opens the publication of a period as that account, with its draft."""
    from anlan.engines.measures import BadPeriod
    from anlan.engines.papers import BadPaper
    from anlan.kernel.cases import MoveRefused
    from anlan.kernel.scope import EVERYWHERE, Actor, acting
    from anlan.parties.models import Account

    from .bulletins import facts, jobs
    from .bulletins.models import BulletinRun

    try:
        with acting(Actor("command", "bulletin"), EVERYWHERE):
            account = Account.objects.filter(username=username, is_active=True).first()
        if account is None:
            raise facts.BadBulletin(f"--keep-as {username}: there is no such account")
        with acting(Actor("command", "bulletin", account.pk), account.scope):
            case = jobs.begin(kind, facts.period_of(kind, period_text), account, by_job=False)
            jobs.carry_out(BulletinRun.objects.create(publication=case, what="draft"), account)
            case.refresh_from_db()
    except (facts.BadBulletin, BadPeriod, BadPaper, MoveRefused) as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    made = {"number": case.number, "title": case.title, "period": case.period, "facts": case.facts_digest}
    click.echo(json.dumps(made, ensure_ascii=False) if as_json else f"{case.number} {case.title}")


COMMANDS = [plan, forecast, risk, bulletin]
