"""Template tags of every page: bundles, icons, and links that keep the rest of the address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.db.models.fields import BLANK_CHOICE_DASH
from django.forms import BoundField
from django.template import Context
from django.template.defaultfilters import date as format_date
from django.template.loader_tags import BLOCK_CONTEXT_KEY
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, pgettext

from anlan.kernel import clock
from anlan.kernel.cases.history import in_minutes
from anlan.site import assets, menu

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
    return assets.icon(name, css) if name else SafeString("")


@register.simple_tag(takes_context=True)
def side_menu(context: Context) -> SafeString:
    """The groups of the left menu, with the page at hand marked."""
    request = context["request"]
    return menu.html(request.user, request.path)


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


DASHES = BLANK_CHOICE_DASH[0][1]
_CLASS = {"checkbox": "form-check-input", "select": "form-select", "radio": "form-check-input"}


@register.simple_tag
def control(field: BoundField) -> SafeString:
    """A form field's own element, with its look, its error told to assistive technology, and its kind of keyboard."""
    widget = field.field.widget
    kind = getattr(widget, "input_type", "text")
    css = " ".join(filter(None, [str(widget.attrs.get("class", "")), _CLASS.get(kind, "form-control")]))
    attrs: dict[str, Any] = {"class": css}
    if kind == "select":
        # Django offers dashes where nothing is chosen yet; officials are asked to choose.
        widget.choices = [(v, gettext("Please choose") if words == DASHES else words) for v, words in widget.choices]
    beside = {"error": field.errors, "meanwhile": getattr(field, "meanwhile", None)}
    if field.errors:
        attrs["aria-invalid"] = "true"
    if any(beside.values()):
        told = [*(name for name, there in beside.items() if there), *(["helptext"] if field.help_text else [])]
        attrs["aria-describedby"] = " ".join(f"{field.auto_id}_{name}" for name in told)
    return field.as_widget(attrs=attrs)


_CELLS = {"number": ' class="is-number"', "date": ' class="is-date"', "late": ' class="is-date is-late"'}


@register.simple_tag
def list_rows(columns: list[dict[str, Any]], rows: list[dict[str, Any]]) -> SafeString:
    """The rows of a list. Each cell says the heading of its column, for the row becomes a card on a narrow screen.

    Written here and not as a template: a page has hundreds of cells, and a template takes ten times as long for each.
    """
    labels = [escape(str(column["label"])) for column in columns]
    made = []
    for row in rows:
        made.append("<tr>")
        for place, (cell, label) in enumerate(zip(row["cells"], labels, strict=True)):
            css = _CELLS.get(cell.kind) or ("" if cell.text or not place else ' class="is-empty"')
            text = escape(cell.text) if cell.text else "–"
            url, link = (cell.url, "") if place else (row["url"], ' class="row-link"')
            if url or not place:
                text = f'<a{link} href="{escape(url)}">{text}</a>'
            made.append(f'<td{css} data-label="{label}">{text}</td>')
        made.append("</tr>")
    return mark_safe("".join(made))  # noqa: S308 - every value was escaped above


@register.simple_tag
def heat_rows(rows: Sequence[Any]) -> SafeString:
    """The rows of a heat map, of hundreds of cells: written here as those of a list are."""
    made = []
    for row in rows:
        made.append(f'<tr><th scope="row">{escape(str(row.label))}</th>')
        for cell in row.cells:
            if cell.value:
                text = f'<a href="{escape(cell.url)}">{escape(cell.text)}</a>'
            else:
                text = "<span>–</span>" if cell.value is None else '<span class="heat-none">0</span>'
            made.append(f'<td class="shade-{int(cell.shade)}">{text}</td>')
        made.append("</tr>")
    return mark_safe("".join(made))  # noqa: S308 - every value was escaped above


@register.simple_tag
def figure_rows(rows: Sequence[Any]) -> SafeString:
    """The rows of a figure that is a table."""
    made = []
    for row in rows:
        made.append(f'<tr><th scope="row">{escape(str(row.label))}</th>')
        for cell in row.cells:
            text = f'<a href="{escape(cell.url)}">{escape(cell.text)}</a>' if cell.url else escape(cell.text)
            made.append(f'<td class="is-number">{text}</td>')
        made.append("</tr>")
    return mark_safe("".join(made))  # noqa: S308 - every value was escaped above


@register.simple_tag
def filter_field(field: BoundField) -> SafeString:
    """One filter of a list: several choices as boxes in a menu, one choice as a select, anything else as it is."""
    widget, label = field.field.widget, str(field.label)
    chosen = field.value()
    if getattr(widget, "allow_multiple_selected", False):
        picked = {str(one) for one in chosen or ()}
        known = [(str(value), str(words)) for value, words in field.field.choices]  # type: ignore[attr-defined]
        boxes = format_html_join(
            "",
            '<label><input class="form-check-input m-0" type="checkbox" name="{}" value="{}"{}>{}</label>',
            ((field.html_name, v, SafeString(" checked" if v in picked else ""), words) for v, words in known),
        )
        said = " ".join(words for v, words in known if v in picked) or gettext("Any")
        return format_html(
            '<div class="filter" role="group" aria-label="{}"><span class="filter-label">{}</span>'
            '<details data-menu data-any="{}"><summary class="form-select">{}</summary>'
            '<div class="dropdown-menu">{}</div></details></div>',
            label, label, gettext("Any"), said, boxes,
        )  # fmt: skip
    head = format_html('<div class="filter"><label for="{}">{}</label>', field.id_for_label, label)
    if getattr(widget, "input_type", "") != "select":
        return format_html("{}{}</div>", head, control(field))
    # A widget may see its value otherwise than the field does: a yes-or-no select takes several spellings.
    shown = widget.format_value(chosen)
    picked = {str(one) for one in ([shown] if isinstance(shown, str) else shown or ())}
    options = format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        (
            (v, SafeString(" selected" if v in picked else ""), words) if v not in ("", "unknown")
            else ("", "", gettext("Any"))
            for v, words in ((str(value), str(words)) for value, words in widget.choices)
        ),
    )  # fmt: skip
    return format_html(
        '{}<select class="form-select" id="{}" name="{}">{}</select></div>',
        head, field.id_for_label, field.html_name, options,
    )  # fmt: skip


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
    for key in ("cursor", "count", "choosing", *changes):
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
    """How a deadline stands now, in words: 4 minutes left, due today, 3 days left, overdue by 2 days."""
    if due is None:
        return gettext("No deadline")
    if abs(due - clock.now()) < timedelta(hours=1):
        return in_minutes(due, clock.now())
    from django.utils.translation import ngettext

    left = (due.astimezone(clock.BEIJING).date() - clock.today()).days
    if left == 0:
        return gettext("Due today") if due >= clock.now() else gettext("Overdue since today")
    if left > 0:
        return ngettext("%(count)d day left", "%(count)d days left", left) % {"count": left}
    return ngettext("Overdue by %(count)d day", "Overdue by %(count)d days", -left) % {"count": -left}
