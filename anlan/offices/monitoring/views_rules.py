"""The rules on readings: their list, each with its versions, the editor, and trials on history."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from anlan.engines.telemetry.rules import SCHEMA, STATION, BadRules
from anlan.kernel import actors, clock, entered
from anlan.kernel.cases.lifecycle import PRODUCT
from anlan.kernel.models import Stale
from anlan.kernel.policy import EVERY_ROLE, Policy, Rights

from . import rulebook, trials, wording
from .models import Device, EarlyWarning, Rule, RuleTrial, RuleVersion
from .rule_models import titled

POLICY = Policy(Rule, Rights(see=EVERY_ROLE, add={"city"}, change={"city"}))
SINCE = timedelta(days=30)
FALSE = Count("pk", filter=Q(state="false"))
LONGEST = 100_000
"""Signs of a rule's text: a route has thousands of points."""
NEW = """name: my-rule
title: {zh: 规则名称, en: Name of the rule}
kind: level
programmes: [coal-gas]
metric: ch4
source: 本市设定
hold: 10s
levels:
  - {level: orange, at_least: 1.0}
"""


class EditorForm(forms.Form):
    """A rule's text, why it changes, and which version of the rule's record was seen."""

    text = forms.CharField(
        label=gettext_lazy("Text of the rule"), max_length=LONGEST, strip=False, validators=[entered.seen],
        widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false", "data-code": "", "wrap": "off"}),
    )  # fmt: skip
    days = forms.TypedChoiceField(
        label=gettext_lazy("Tried on the last"), coerce=int, initial=30,
        choices=[(n, gettext_lazy("%(n)s days")) for n in trials.DAYS],
    )  # fmt: skip
    reason = forms.CharField(
        label=gettext_lazy("Reason for the change"), max_length=1000, required=False, validators=[entered.seen],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["days"].choices = [(n, _("%(n)s days") % {"n": n}) for n in trials.DAYS]  # type: ignore[attr-defined]


@login_required
@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    """Every rule with what it says, whether it is on, and how often it warned and was wrong lately."""
    since = (clock.now() - SINCE).date()
    counts = {
        row["rule"]: row
        for row in EarlyWarning.objects.filter(measured_at__gte=rulebook.midnight(since))
        .values("rule")
        .annotate(n=Count("pk"), false=FALSE, closed=Count("pk", filter=Q(closed_at__isnull=False)))
    }
    newer: dict[int, RuleVersion] = {}
    for version in RuleVersion.objects.filter(origin="product").defer("text", "content").order_by("number"):
        newer[version.rule_id] = version
    rows = []
    for rule in sorted(Rule.objects.select_related("current"), key=_programme):
        if rule.current is None:
            continue
        counted = counts.get(rule.name, {"n": 0, "false": 0, "closed": 0})
        latest = newer.get(rule.pk)
        rows.append({
            "rule": rule, "version": rule.current, "programmes": wording.programmes(rule.current.content),
            "levels": wording.levels(rule.current.content),
            "conditions": list(wording.conditions(rule.current.content)),
            "source": rule.current.content["source"],
            "proposed": latest if latest and latest.number > rule.current.number else None,
            "n": counted["n"], "false": counted["false"],
            "share": round(100 * counted["false"] / counted["closed"]) if counted["closed"] else None,
            "url": _warnings(rule.name, since), "false_url": _warnings(rule.name, since, state="false"),
        })  # fmt: skip
    may = POLICY.may(request.user, "add")
    return render(
        request, "monitoring/rules.html", {"rows": rows, "may_add": may, "late": wording.time(rulebook.late())}
    )


def _programme(rule: Rule) -> tuple[str, str]:
    said = rule.current.content if rule.current else {}
    return (next(iter(said.get("programmes", ())), ""), rule.name)


def _warnings(name: str, since: date, **more: str) -> str:
    return "/r/warnings/?" + urlencode({"view": "all", "rule": name, "measured_at_from": since.isoformat()} | more)


@login_required
@require_safe
def rule(request: HttpRequest, name: str) -> HttpResponse:
    """One rule: what it says, its versions, and for the city's staff the editor.

    `version` and `trial` put the text of a version, or of one's own trial, into the editor.
    """
    found = get_object_or_404(Rule.objects.select_related("current"), name=name)
    text = found.current.text if found.current else ""
    if (number := request.GET.get("version", "")).isdecimal() and len(number) < 9:
        text = get_object_or_404(found.versions, number=int(number)).text
    elif (key := request.GET.get("trial", "")).isdecimal() and len(key) < 18:
        text = get_object_or_404(RuleTrial, pk=int(key), rule_name=name).text
    form = EditorForm(initial={"text": text, "seen": found.version, "days": 30})
    return _page(request, found, form)


@login_required
@require_safe
def new(request: HttpRequest) -> HttpResponse:
    """The editor of a rule that is not there yet."""
    _entitled(request)
    text = NEW
    if (key := request.GET.get("trial", "")).isdecimal() and len(key) < 18:
        text = get_object_or_404(RuleTrial, pk=int(key)).text
    return _page(request, None, EditorForm(initial={"text": text, "seen": 0, "days": 30}))


def _page(
    request: HttpRequest, found: Rule | None, form: EditorForm, faults: Iterable[Any] = (), status: int = 200,
    **more: Any,
) -> HttpResponse:  # fmt: skip
    context: dict[str, Any] = {
        "rule": found, "form": form, "may_change": POLICY.may(request.user, "change"), "faults": list(faults),
        "fault_lines": ",".join(str(one["line"]) for one in faults), **more,
    }  # fmt: skip
    if found is not None and found.current is not None:
        versions = list(found.versions.defer("content").order_by("-number"))
        by = actors.named(one.account_id for one in versions)
        since = (clock.now() - SINCE).date()
        counted = EarlyWarning.objects.filter(rule=found.name, measured_at__gte=rulebook.midnight(since)).aggregate(
            n=Count("pk"), false=FALSE
        )
        context |= {
            "said": _said(found.current.content), "other": _other(found.current.content), **counted,
            "url": _warnings(found.name, since), "false_url": _warnings(found.name, since, state="false"),
            "versions": _lines(versions, by), "proposed": rulebook.proposed(found, versions),
            "trials": list(
                RuleTrial.objects.filter(rule_name=found.name, account_id=request.user.pk).order_by("-id")[:5]
            ) if context["may_change"] else [],
        }  # fmt: skip
    return render(request, "monitoring/rule.html", context, status=status)


def _said(content: dict[str, Any]) -> dict[str, Any]:
    """What a rule says, in the language in force."""
    return {
        "title": titled(content),
        "levels": wording.levels(content), "conditions": list(wording.conditions(content)),
        "programmes": wording.programmes(content), "source": content["source"],
    }  # fmt: skip


def _other(content: dict[str, Any]) -> dict[str, Any]:
    """The same in the other language, and which it is."""
    code = "en" if str(get_language()).startswith("zh") else "zh-hans"
    with override(code):
        return _said(content) | {"code": code}


def _lines(versions: list[RuleVersion], by: Any) -> list[dict[str, Any]]:
    """The versions as they are listed, the newest first; each with what was switched by it."""
    found = []
    for version, before in zip(versions, [*versions[1:], None], strict=True):
        switched = before is not None and before.on != version.on
        found.append({
            "version": version, "by": _by(version, by), "same": before is not None and before.text == version.text,
            "switched": switched and (_("Switched on") if version.on else _("Switched off")),
        })  # fmt: skip
    return found


def _by(version: RuleVersion, by: Any) -> str:
    return str(PRODUCT.name) if version.origin == "product" else by(version.account_id, version.actor)


@login_required
@require_safe
def version(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """One version for ever: what it said, who made it why, and what it changed."""
    found = get_object_or_404(RuleVersion.objects.select_related("rule__current"), rule__name=name, number=number)
    before = found.rule.versions.filter(number__lt=number).order_by("-number").first()
    context = {
        "version": found, "rule": found.rule, "by": _by(found, actors.named([found.account_id])), "before": before,
        "said": _said(found.content), "other": _other(found.content), "current": found.pk == found.rule.current_id,
        "difference": difference(before.text, found.text) if before else [],
        "may_change": POLICY.may(request.user, "change"),
    }  # fmt: skip
    return render(request, "monitoring/rule_version.html", context)


def difference(before: str, after: str) -> list[tuple[str, str]]:
    """Line by line: what went (-), what came (+), what stayed ( )."""
    told = difflib.ndiff(before.splitlines(), after.splitlines())
    return [(line[0], line[2:]) for line in told if line[0] != "?"]


def _entitled(request: HttpRequest) -> None:
    if not POLICY.may(request.user, "change"):
        raise PermissionDenied(_("Rules are changed by the city's staff."))


@login_required
@require_POST
def save(request: HttpRequest, name: str = "") -> HttpResponse:
    """Checks a text, puts a trial of it, or keeps it as the next version; of a new rule as the first, switched off."""
    _entitled(request)
    found = get_object_or_404(Rule.objects.select_related("current"), name=name) if name else None
    form, do = EditorForm({"days": "30"} | request.POST.dict()), request.POST.get("do")
    if do == "save" and not request.POST.get("reason", "").strip():
        form.add_error("reason", _("Say why: the reason is kept with the version."))
    text = form.cleaned_data.get("text", "") if form.is_valid() else ""
    if not text:
        return _page(request, found, form, status=422)
    text = "\n".join(line.rstrip() for line in text.splitlines()).strip() + "\n"
    try:
        content = rulebook.checked(text, name or None)
        if found is None and Rule.objects.filter(name=content["name"]).exists():
            raise BadRules("", rulebook.taken(content["name"]))
    except BadRules as error:
        faults = [{"line": one.line, "words": wording.fault(one)} for one in error.faults]
        return _page(request, found, form, faults, status=422)
    if do == "try":
        if not trials.may_ask(request.user):
            words = _("%(n)s of your trials wait or run already. Put the next one when one of them is done.")
            form.add_error("days", words % {"n": trials.WAITING})
            return _page(request, found, form, status=422)
        present = found.current if found and found.on else None
        made = trials.ask(request.user, text, content, present, form.cleaned_data["days"])
        return HttpResponseRedirect(made.get_absolute_url())
    if do != "save":
        return _page(request, found, form, fine=True, preview=_said(content), preview_other=_other(content))
    if found and found.current and found.current.text == text:
        form.add_error("text", _("This is what the version in force says already."))
        return _page(request, found, form, status=422)
    try:
        if found is None:
            kept = Rule.objects.create(name=content["name"])
        else:
            kept = rulebook.locked(name, form.cleaned_data["seen"])
    except Stale:
        return _meanwhile(request, name, form)
    rulebook.save(kept, text, content, kept.on, form.cleaned_data["reason"].strip(), request.user.actor)
    on, off = (
        _("Version %(n)s is kept. Readings are put to it within a minute."),
        _("Version %(n)s is kept, switched off."),
    )
    messages.success(request, (on if kept.on else off) % {"n": _n(kept)})
    return HttpResponseRedirect(kept.get_absolute_url())


def _n(rule: Rule) -> int:
    return rule.current.number if rule.current else 0


def _meanwhile(request: HttpRequest, name: str, form: EditorForm) -> HttpResponse:
    """Somebody else has made a version since: it is shown against what was typed; the next save knows of it."""
    now = Rule.objects.select_related("current").get(name=name)
    assert now.current is not None
    typed = {name: request.POST.get(name, "") for name in form.fields} | {"seen": str(now.version)}
    text = form.cleaned_data.get("text", "")
    return _page(
        request, now, EditorForm(typed), status=409, meanwhile=now.current,
        difference=difference(now.current.text, "\n".join(text.splitlines())),
    )  # fmt: skip


@login_required
@require_POST
def switch(request: HttpRequest, name: str) -> HttpResponse:
    """Switches a rule on or off, or keeps it as it is over what the product proposes; each as a version with its
    reason."""
    _entitled(request)
    found = get_object_or_404(Rule.objects.select_related("current"), name=name)
    reason, do, seen = (request.POST.get(field, "").strip() for field in ("reason", "do", "seen"))
    if do not in ("on", "off", "keep") or found.current is None or not seen.isdecimal():
        raise Http404
    if not reason:
        messages.error(request, _("Say why: the reason is kept with the version."))
        return HttpResponseRedirect(found.get_absolute_url())
    try:
        entered.seen(reason)
        held = rulebook.locked(name, int(seen[:9]))
        assert held.current is not None
        on = held.on if do == "keep" else do == "on"
        content = rulebook.checked(held.current.text, name) if on else held.current.content
    except Stale:
        messages.error(request, _("Somebody else has changed this rule meanwhile. Look at it again."))
    except BadRules as error:
        messages.error(request, " ".join(wording.fault(one) for one in error.faults))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        rulebook.save(held, held.current.text, content, on, reason[:1000], request.user.actor)
        words = {
            "on": _("The rule is switched on: readings are put to it within a minute."),
            "off": _("The rule is switched off."),
            "keep": _("The city's own version stays in force."),
        }
        messages.success(request, words[do])
    return HttpResponseRedirect(found.get_absolute_url())


@login_required
@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """What the text of a rule may say, as JSON Schema."""
    return HttpResponse(SCHEMA.read_bytes(), content_type="application/schema+json")


@login_required
@require_safe
def trial(request: HttpRequest, key: int) -> HttpResponse:
    """A trial under way, or what came of it: how often it would have warned, of what, and how well it foresaw."""
    _entitled(request)
    one = get_object_or_404(RuleTrial.objects.select_related("progress", "present"), pk=key)
    exists = Rule.objects.filter(name=one.rule_name).exists()
    back = reverse("monitoring:rule", args=[one.rule_name]) if exists else reverse("monitoring:rule-new")
    context: dict[str, Any] = {
        "trial": one,
        "title": one.title,
        "back": f"{back}?trial={one.pk}",
        "rule": exists,
        "stations": one.content.get("at") == STATION,
    }
    if one.state == "done":
        known = Device.objects.select_related("enterprise").in_bulk(
            {row["device"] for row in one.found["rows"]}, field_name="code"
        )
        levels = dict(wording.LEVELS)
        context["rows"] = [
            {**row, "on": date.fromisoformat(row["day"]), "known": known.get(row["device"]),
             "levels": [{"level": level, "text": levels[level]} for level in row["levels"]]}
            for row in one.found["rows"]
        ]  # fmt: skip
        until = datetime.fromisoformat(one.found["until"])
        context |= {"until": until, "begin": one.end - timedelta(days=one.days), "sides": _sides(one)}
    elif one.progress is not None:
        context["percent"] = 100 * one.progress.done // max(one.progress.total or 1, 1)
    return render(request, "monitoring/trial.html", context)


def _sides(one: RuleTrial) -> list[dict[str, Any]]:
    """The text that was tried, and beside it the version in force."""
    sides = [(_("The text that was tried"), one.found["tried"], one.content)]
    if one.found["present"] is not None and one.present is not None:
        title = _("The version in force (%(n)s)") % {"n": one.present.number}
        sides.append((title, one.found["present"], one.present.content))
    levels = dict(wording.LEVELS)
    return [
        {"title": title, **told, "said": _said(content), **_percent(told["foresight"]), "levels": [
            {"level": code, "text": words, "n": told["levels"][code]}
            for code, words in reversed(levels.items()) if told["levels"].get(code)
        ]} for title, told, content in sides
    ]  # fmt: skip


def _percent(foresight: dict[str, Any] | None) -> dict[str, int | None]:
    """Precision and recall as they are shown; None of none."""
    shares = {name: (foresight or {}).get(name) for name in ("precision", "recall")}
    return {name: None if share is None else round(100 * share) for name, share in shares.items()}
