"""Template tags of every page: bundles, icons, and links that keep the rest of the address."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.forms import BoundField
from django.template import Context
from django.template.defaultfilters import date as format_date
from django.template.loader_tags import BLOCK_CONTEXT_KEY
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext

from anlan.kernel import clock
from anlan.site import assets

register = template.Library()


@register.simple_tag
def vite(source: str = "src/main.ts") -> SafeString:
    """Link and script elements of one bundle, by their hashed names."""
    bundle = assets.bundle(source)
    styles = format_html_join("", '<link rel="stylesheet" href="{}">', ((url,) for url in bundle.styles))
    return format_html('{}<script type="module" src="{}"></script>', styles, bundle.script)


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """An icon of the sprite; decoration only, so the words beside it must say what it means."""
    if not name:
        return SafeString("")
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        css, assets.sprite(), name,
    )  # fmt: skip


@register.simple_tag
def sep(mark: str) -> str:
    """The punctuation between two values, as the language writes it: `:`, `;` or `,`."""
    return {":": gettext(": "), ";": gettext("; "), ",": pgettext("between facts", ", ")}[mark]


@register.simple_tag(takes_context=True)
def page_title(context: Context) -> SafeString:
    """What the page's block `title` says, for its first heading."""
    block = context.render_context[BLOCK_CONTEXT_KEY].get_block("title")
    rendered: SafeString = block.nodelist.render(context)
    return rendered


_CLASS = {"checkbox": "form-check-input", "select": "form-select", "radio": "form-check-input"}


@register.simple_tag
def control(field: BoundField) -> SafeString:
    """A form field's own element, with its look, its error told to assistive technology, and its kind of keyboard."""
    widget = field.field.widget
    kind = getattr(widget, "input_type", "text")
    css = " ".join(filter(None, [str(widget.attrs.get("class", "")), _CLASS.get(kind, "form-control")]))
    attrs: dict[str, Any] = {"class": css}
    if field.errors:
        described = [f"{field.auto_id}_error"] + ([f"{field.auto_id}_helptext"] if field.help_text else [])
        attrs |= {"aria-invalid": "true", "aria-describedby": " ".join(described)}
    return field.as_widget(attrs=attrs)


@register.simple_tag
def column_label(columns: list[dict[str, Any]], index: int) -> str:
    """The heading of the column at `index`, for the row that becomes a card on a narrow screen."""
    return str(columns[index]["label"])


@register.simple_tag(takes_context=True)
def here(context: dict[str, Any], **changes: Any) -> str:
    """This page's address with some parameters changed; an empty value removes one."""
    request = context["request"]
    query = request.GET.copy()
    for key, value in changes.items():
        if value in (None, ""):
            query.pop(key, None)
        else:
            query[key] = str(value)
    encoded = query.urlencode()
    return f"{request.path}?{encoded}" if encoded else str(request.path)


@register.simple_tag(takes_context=True)
def list_query(context: dict[str, Any], **changes: str) -> str:
    """The address's query without its page and with some parameters changed; an empty value removes one."""
    query = context["request"].GET.copy()
    for key in ("cursor", "choosing", *changes):
        query.pop(key, None)
    query.update({key: value for key, value in changes.items() if value})
    return f"?{query.urlencode()}"


@register.filter
def grouped(value: int) -> str:
    """A whole number in groups of three, as statistics are printed in both languages."""
    return f"{value:,}"


@register.filter
def moment(value: datetime | None) -> str:
    """A time as officials write it: 2013年6月14日 09:30, or 14 June 2013, 09:30."""
    if value is None:
        return ""
    return format_date(value.astimezone(clock.BEIJING), "DATETIME_FORMAT")


@register.filter
def day(value: Any) -> str:
    """A date as officials write it: 2013年6月14日, or 14 June 2013."""
    return format_date(value, "DATE_FORMAT") if value else ""


@register.filter
def weekday(value: Any) -> str:
    """The day of the week in words."""
    return format_date(value, "l") if value else ""


@register.filter
def days_left(due: datetime | None) -> str:
    """How a deadline stands today, in words: due today, 3 days left, overdue by 2 days."""
    if due is None:
        return gettext("No deadline")
    from django.utils.translation import ngettext

    left = (due.astimezone(clock.BEIJING).date() - clock.today()).days
    if left == 0:
        return gettext("Due today") if due >= clock.now() else gettext("Overdue since today")
    if left > 0:
        return ngettext("%(count)d day left", "%(count)d days left", left) % {"count": left}
    return ngettext("Overdue by %(count)d day", "Overdue by %(count)d days", -left) % {"count": -left}
