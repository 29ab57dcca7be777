"""The response cards that come along, loaded after migrations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from django.db import connections, transaction

from anlan.kernel.scope import EVERYWHERE, Actor, state

CARDS = Path(__file__).parent / "data" / "cards.yaml"


def cards() -> list[tuple[Any, ...]]:
    """Rows (programme, level, title, English title, steps, English steps) of `data/cards.yaml`."""
    return [
        (programme, level, card["title"], card["title_en"], "\n".join(card["steps"]), "\n".join(card["steps_en"]))
        for card in yaml.load(CARDS.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        for programme in card.get("programmes", ("",))
        for level in card.get("levels", ("",))
    ]


def load(using: str = "owner") -> None:
    """Adds the city's cards where none was ever entered for their programme and level; what a person changed stays."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        state(cursor, Actor("command", "reference"), EVERYWHERE)  # cards lie in somebody's area
        cursor.executemany(
            "INSERT INTO monitoring_responsecard (area_code, programme, level, title, title_en, steps, steps_en, plan, "
            "in_force, created_at, updated_at, version) "
            "SELECT i.city_code, c.programme, c.level, c.title, c.title_en, c.steps, c.steps_en, '', true, now(), "
            "now(), 1 "
            "FROM (VALUES (%s, %s, %s, %s, %s, %s)) c (programme, level, title, title_en, steps, steps_en) "
            "CROSS JOIN (SELECT coalesce((SELECT city_code FROM kernel_installation WHERE id = 1), '500000000000')"
            " AS city_code) i "
            "WHERE NOT EXISTS (SELECT 1 FROM monitoring_responsecard r WHERE r.area_code = i.city_code "
            "AND r.programme = c.programme AND r.level = c.level)",
            cards(),
        )
