"""The limits of methane sensors by the place where each stands, as the law gives them, entered for many at once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from anlan.kernel import clock, law

from .models import Device, DeviceSetting
from .registers import DeviceSettings

METRICS = ("ch4_alarm", "ch4_cut", "ch4_repower")
MOST = 200
"""Devices entered at once."""


def places(on: Any) -> list[law.Rule]:
    """The places for which the law of that day gives alarm, power-cut and re-power limits."""
    return [rule for rule in law.rules() if rule.id.startswith("monitoring.methane_") and rule.holds_on(on)]


def _called(rule: law.Rule) -> str:
    name = rule.name if str(get_language()).startswith("zh") else rule.name_en
    return f"{name}（{' / '.join(f'{number:g}' for number in map(float, rule.value))}）"


class LimitsForm(forms.Form):
    """Which sensors, where they stand, and from which day on the limits of that place hold."""

    codes = forms.CharField(
        label=gettext_lazy("Codes of the sensors"), max_length=20_000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("One to a line, as the register of devices has them."),
    )  # fmt: skip
    place = forms.ChoiceField(label=gettext_lazy("Place of the sensor (alarm / power cut / re-power, % CH₄)"))
    since = forms.DateField(
        label=gettext_lazy("Valid from"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = [(rule.id, _called(rule)) for rule in places(clock.today())]
        self.fields["place"].choices = [("", "---------"), *found]  # type: ignore[attr-defined]

    def clean_codes(self) -> list[Device]:
        codes = list(dict.fromkeys(self.cleaned_data["codes"].split()))
        if len(codes) > MOST:
            raise forms.ValidationError(
                _("At most %(n)s at once; the register of settings takes sheets.") % {"n": MOST}
            )
        known = Device.objects.filter(programme="coal-gas").in_bulk(codes, field_name="code")
        if unknown := [code for code in codes if code not in known]:
            words = _("No gas-monitoring device of your area has the code: %(codes)s")
            raise forms.ValidationError(words % {"codes": ", ".join(unknown[:20])})
        return [known[code] for code in codes]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def limits(request: HttpRequest) -> HttpResponse:
    """The table of the law, and the form that enters a place's limits for sensors."""
    if not DeviceSettings.policy.may(request.user, "add"):
        raise PermissionDenied
    form = LimitsForm(request.POST or None, initial={"since": clock.today()})
    if request.method == "POST" and form.is_valid() and (made := _entered(form)) is not None:
        words = ngettext(
            "%(n)s sensor has the limits of its place.", "%(n)s sensors have the limits of their place.", made
        )
        messages.success(request, words % {"n": made})
        return HttpResponseRedirect("/r/device-settings/")
    status = 422 if form.is_bound else 200
    return render(request, "monitoring/limits.html", {"form": form, "places": [
        {"name": _called(rule).rpartition("（")[0], "limits": [f"{float(n):g}" for n in rule.value], "rule": rule}
        for rule in places(clock.today())
    ]}, status=status)  # fmt: skip


def _entered(form: LimitsForm) -> int | None:
    """How many sensors got their limits; None, with the fault at its field, where no rule held on that day."""
    try:
        return _enter(form.cleaned_data)
    except law.NoRuleInForce:
        form.add_error("since", _("No rule for this place held on that day."))
        return None


def _enter(asked: dict[str, Any]) -> int:
    """Enters the three limits for each sensor; what stands there of that day is taken over."""
    rule = law.value(asked["place"], asked["since"])
    basis = f"{rule.source}，{rule.name}"[:400]
    rows = [
        DeviceSetting(device=device, metric=metric, since=asked["since"], value=float(value), basis=basis)
        for device in asked["codes"] for metric, value in zip(METRICS, rule.value, strict=True)
    ]  # fmt: skip
    with transaction.atomic():
        DeviceSetting.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["device", "metric", "since"],
            update_fields=["value", "basis", "updated_at"],
        )  # fmt: skip
    return len(asked["codes"])
