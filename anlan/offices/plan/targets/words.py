"""How targets stand, in words: on pages and in notices."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy, pgettext_lazy

STANDINGS: dict[str, dict[str, Any]] = {
    "ahead": {"text": gettext_lazy("Ahead of the line"), "tone": "success", "icon": "circle-check"},
    "on_line": {"text": gettext_lazy("On the line"), "tone": "neutral", "icon": "equal"},
    "over": {"text": gettext_lazy("Over the line"), "tone": "attention", "icon": "trending-up"},
    "behind": {"text": gettext_lazy("Behind the line"), "tone": "attention", "icon": "hourglass-empty"},
    "met": {"text": pgettext_lazy("target", "Met"), "tone": "success", "icon": "checks"},
    "impossible": {"text": gettext_lazy("Number passed"), "tone": "critical", "icon": "alert-hexagon"},
    "unknown": {"text": gettext_lazy("Cannot be said yet"), "tone": "neutral", "icon": "question-mark"},
}
