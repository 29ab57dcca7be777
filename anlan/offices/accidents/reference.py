"""The schemes of categories, loaded after migrations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from django.db import connections, transaction

DATA = Path(__file__).parent / "data"


def categories() -> list[tuple[Any, ...]]:
    """Rows of `data/categories.yaml`, one per category, each with its scheme's source and period."""
    schemes = yaml.safe_load((DATA / "categories.yaml").read_text(encoding="utf-8"))
    return [
        (
            scheme["scheme"], code, name, name_en, group, industry or None, window, order, scheme["source"],
            scheme["certainty"], scheme["valid_from"], scheme.get("valid_to"),
        )
        for scheme in schemes
        for order, (code, name, name_en, industry, window, group) in enumerate(scheme["categories"])
    ]  # fmt: skip


def load(using: str = "owner") -> None:
    """Adds what is missing; what a person changed since stays as it is."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.executemany(
            "INSERT INTO accidents_category "
            '(scheme, code, name, name_en, "group", industry_id, "window", "order", source, certainty, valid_from, '
            "valid_to, created_at, updated_at, version) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now(), now(), 1) "
            "ON CONFLICT (scheme, code) DO NOTHING",
            categories(),
        )
