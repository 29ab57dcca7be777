"""`{% counted_in record %}`: the figures in which a record counts, for officials."""

from __future__ import annotations

from typing import Any

from django import template

from ...policy import OFFICIALS
from .. import counted

register = template.Library()


@register.inclusion_tag("figures/counted.html", takes_context=True)
def counted_in(context: dict[str, Any], record: Any) -> dict[str, Any]:
    """Nothing for records that no measure counts, and for enterprises, whose figures these are not."""
    account = context["request"].user
    return {"counted": counted.counted(record, account) if account.role in OFFICIALS else None}
