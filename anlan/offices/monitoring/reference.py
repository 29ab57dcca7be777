"""What comes with the product, loaded after migrations: rules and cards; what the city made of them stays as it is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import yaml
from django.db import transaction
from django.db.models import F

from . import cards

RULES = Path(__file__).parent / "rules.yaml"


def shipped(path: Path = RULES) -> Iterator[str]:
    """The text of each rule of the file, as it stands there."""
    text = path.read_text(encoding="utf-8")
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    (rules,) = (value for key, value in root.value if key.value == "rules")
    lines = text.splitlines()
    starts = [(node.start_mark.line, node.start_mark.column) for node in rules.value]
    for (first, column), (after, _) in pairwise([*starts, (len(lines), 0)]):
        own = [" " * column + lines[first][column:], *lines[first + 1 : after]]
        # What is said above the next rule is none of this one.
        while own and (not own[-1].strip() or own[-1].lstrip().startswith("#")):
            own.pop()
        yield textwrap.dedent("\n".join(own)) + "\n"


def load(using: str = "owner", path: Path = RULES) -> None:
    """Adds each rule as its first version; one that a newer release says otherwise as another.

    That is in force where the city has not changed the rule, and else waits for somebody to take it over. What comes
    new into an installation that has rules already is off until somebody switches it on.
    """
    from anlan.engines.telemetry.rules import parse_one

    from .models import Rule, RuleVersion

    with transaction.atomic(using=using):
        known = {rule.name: rule for rule in Rule.objects.using(using).select_related("current")}
        first = not known
        for text in shipped(path):
            content = parse_one(text.encode())
            rule = known.get(content["name"])
            if rule is None:
                rule = Rule(name=content["name"], on=first)
                rule.save(using=using)
            versions = list(RuleVersion.objects.using(using).filter(rule=rule).order_by("-number"))
            latest = next((one for one in versions if one.origin == "product"), None)
            if latest is not None and latest.content == content:
                continue
            number = versions[0].number + 1 if versions else 1
            made = RuleVersion(rule=rule, number=number, text=text, content=content, origin="product")
            made.on = rule.on
            made.save(using=using)
            if rule.current is None or rule.current.origin == "product":
                Rule.objects.using(using).filter(pk=rule.pk).update(current=made, version=F("version") + 1)
    cards.load(using)
