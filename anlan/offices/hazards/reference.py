"""The reference tables of hidden dangers, loaded after migrations: types by industry, judgement clauses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from django.db import connections, transaction

DATA = Path(__file__).parent / "data"


def types() -> list[tuple[str, str, str, str | None, str]]:
    """Rows (code, name, English name, industry or None, clause of the plan) of `data/types.yaml`."""
    tree = yaml.safe_load((DATA / "types.yaml").read_text(encoding="utf-8"))
    return [
        (code, name, name_en, industry or None, clause)
        for clause, industries in tree.items()
        for industry, rows in industries.items()
        for code, name, name_en in rows
    ]


def clauses() -> list[tuple[Any, ...]]:
    """Rows of `data/judgement.yaml`, one per clause, each with its instrument and period."""
    lists = yaml.safe_load((DATA / "judgement.yaml").read_text(encoding="utf-8"))
    return [
        (
            clause["code"], listed["industry"], listed["instrument"], clause["article"], clause["text"], clause["en"],
            listed["valid_from"], listed.get("valid_to"), listed["certainty"],
        )
        for listed in lists
        for clause in listed["clauses"]
    ]  # fmt: skip


def load(using: str = "owner") -> None:
    """Adds what is missing; what a person changed since stays as it is."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.executemany(
            "INSERT INTO hazards_dangertype "
            "(code, name, name_en, industry_id, clause, created_at, updated_at, version) "
            "VALUES (%s, %s, %s, %s, %s, now(), now(), 1) ON CONFLICT (code) DO NOTHING",
            types(),
        )
        cursor.executemany(
            "INSERT INTO hazards_judgementclause (code, industry_id, instrument, article, text, text_en, valid_from, "
            "valid_to, certainty, created_at, updated_at, version) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, now(), now(), 1) ON CONFLICT (code) DO NOTHING",
            clauses(),
        )
