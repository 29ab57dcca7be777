"""`anlan paper …`: issued papers made again from what is frozen, and where a series of numbers begins."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click


@click.group()
def paper() -> None:
    """Issued papers: make one again, say from where an organ's numbers go on."""


def _refuse(words: str) -> None:
    click.echo(words, err=True)
    sys.exit(2)


@paper.command("again")
@click.argument("number")
@click.option("--out", type=click.Path(path_type=Path), help="Also write it there, as .pdf or .docx.")
@click.option("--json", "as_json", is_flag=True)
def again(number: str, out: Path | None, as_json: bool) -> None:
    """Make an issued paper again from its frozen text and facts; exit 1 where it is not what was issued."""
    from anlan.engines.papers import BadPaper
    from anlan.engines.papers.fonts import NoFonts
    from anlan.kernel.cases.lifecycle import lifecycle
    from anlan.kernel.scope import EVERYWHERE, Actor, acting
    from anlan.parties.models import IssuedPaper

    from .papers import issuing

    form = out.suffix.lower().lstrip(".") if out is not None else ""
    if out is not None and form not in issuing.FORMS:
        _refuse(f"--out {out}: a file that ends in .pdf or .docx")
    with acting(Actor("command", "paper"), EVERYWHERE):
        issued = IssuedPaper.objects.filter(number=number).first()
        if issued is None:
            _refuse(f"{number}: no paper of that number was issued")
            return
        declared = lifecycle(issued.kind)
        case = declared.model.numbered(issued.case_number) if declared is not None else None
        try:
            made = issuing.again(issued, case=case)  # type: ignore[arg-type]
        except (BadPaper, NoFonts) as error:
            _refuse(f"{number}: {error}")
            return
    if out is not None:
        try:
            out.write_bytes(made.data[form])
        except OSError as error:
            _refuse(f"--out {out}: {error.strerror}")
    told = {
        "number": issued.number, "title": issued.title, "text": made.text, "facts": made.facts, "files": made.same,
        "drafted": made.drafted, "body": issued.body_digest, "facts_digest": issued.facts_digest,
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(f"{issued.number} {issued.title}")
        click.echo(f"  text: {'the same' if made.text else 'NOT what was issued'}")
        click.echo(f"  facts: {'the same' if made.facts else 'NOT what was issued'}")
        if made.drafted is not None:
            words = "the same words" if made.drafted else "other words: the program's wording has changed since"
            click.echo(f"  drafted anew from the facts: {words}")
        for name, same in made.same.items():
            click.echo(f"  {name}: {'the same bytes' if same else 'the same text in other bytes (fonts or program)'}")
    sys.exit(0 if made.text and made.facts else 1)


@paper.command("number-after")
@click.argument("code")
@click.argument("year", type=click.IntRange(1949, 2200))
@click.argument("last", type=click.IntRange(0, 99_999))
def number_after(code: str, year: int, last: int) -> None:
    """Say up to which number an organ (its code, as 渝安委办) has numbered its papers of a year by hand."""
    from anlan.kernel.scope import EVERYWHERE, Actor, acting
    from anlan.parties.models import Authority

    from .papers import issuing

    with acting(Actor("command", "paper"), EVERYWHERE):
        if not Authority.objects.filter(short_name=code).exists():
            _refuse(f"{code}: no authority has that short name")
        if not issuing.begin_after(code, year, last):
            _refuse(f"{code}〔{year}〕: the series is beyond {last} already")
    click.echo(f"{code}〔{year}〕{last + 1}号 is the next")


COMMANDS = [paper]
