"""Facts that are kept in both languages, as a notice's or a history's: what a record is called may be said in English
too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import get_language

ENGLISH = "_en"
"""Behind the name of a fact that says in English what the fact of that name says in Chinese."""


def in_language(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Kept facts for the reader in force: `title` says what `title_en` does where he reads no Chinese."""
    plain = {name: value for name, value in facts.items() if name.removesuffix(ENGLISH) not in facts.keys() - {name}}
    if (get_language() or "zh").startswith("zh"):
        return plain
    return {name: facts.get(name + ENGLISH, value) for name, value in plain.items()}
