"""Reporting a hidden danger from a phone, in under a minute: once, however often it is sent."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from anlan.kernel import cases
from anlan.kernel.cases import links
from anlan.kernel.cases.models import Case
from anlan.kernel.cases.views import deadline
from anlan.parties.models import Enterprise

from ..lifecycle import LIFECYCLE
from ..models import Danger, DangerType
from ..rules import guess_type

SOURCES = {"warning": "telemetry"}
"""How a danger was found that came out of another kind of case."""
CAMERA = {"accept": "image/*", "capture": "environment", "data-shrink": "1600"}


class ReportForm(forms.Form):
    """What a worker says: a photograph and a line; everything else the account knows or may be left out."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    origin = forms.CharField(widget=forms.HiddenInput, required=False)
    photo = forms.FileField(
        label=gettext_lazy("Photograph"), required=False, widget=forms.ClearableFileInput(attrs=CAMERA)
    )
    title = forms.CharField(
        label=gettext_lazy("One line: what is wrong"), max_length=200,
        widget=forms.TextInput(attrs={"enterkeyhint": "next", "autocomplete": "off"}),
    )  # fmt: skip
    enterprise = forms.ModelChoiceField(
        Enterprise.objects.all(), label=gettext_lazy("Enterprise"), required=False,
        widget=forms.TextInput(attrs={"data-pick": "/r/enterprises/pick/", "autocomplete": "off"}),
        help_text=gettext_lazy("Leave empty where no enterprise is concerned."),
    )  # fmt: skip
    place = forms.CharField(
        label=gettext_lazy("Where exactly"), max_length=200, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    type = forms.ModelChoiceField(
        DangerType.objects.none(), label=gettext_lazy("Type"), required=False,
        empty_label=gettext_lazy("By your words (can be changed later)"),
    )  # fmt: skip
    description = forms.CharField(
        label=gettext_lazy("More, if needed"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    result = forms.CharField(
        label=gettext_lazy("Fixed on the spot: what was done"), max_length=2000, required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip
    after = forms.FileField(
        label=gettext_lazy("Photograph after it was fixed"), required=False,
        widget=forms.ClearableFileInput(attrs=CAMERA),
    )  # fmt: skip

    def __init__(self, *args: Any, enterprise: Enterprise | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own = enterprise
        if enterprise is not None:
            del self.fields["enterprise"]
        elif known := Enterprise.objects.filter(pk=self.initial.get("enterprise")).first():
            self.fields["enterprise"].widget.attrs["data-text"] = known.name
        industry = enterprise.industry_id if enterprise else None
        self.fields["type"].queryset = _types(industry)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or self.cleaned_data
        if said.get("result") and not said.get("after") and "after" not in self.errors:
            self.add_error("after", _("A photograph shows that it was fixed."))
        if said.get("after") and not said.get("result") and "result" not in self.errors:
            self.add_error("result", _("Say what was done."))
        found = self.own or said.get("enterprise") or said.get("place")
        if not found and not {"enterprise", "place"} & set(self.errors):
            self.add_error("place", _("Say where it is, or which enterprise it concerns: others must find it."))
        return said

    def first(self) -> list[Any]:
        """What everybody fills in."""
        return [self[n] for n in ("photo", "title", "enterprise", "place") if n in self.fields]

    def spot(self) -> list[Any]:
        """What is filled in where the danger was fixed at once."""
        return [self["result"], self["after"]]

    def rest(self) -> list[Any]:
        """What may be left out."""
        return [self["type"], self["description"]]


def _types(industry: str | None) -> Any:
    types = DangerType.objects.filter(industry=None)
    return (types | DangerType.objects.filter(industry=industry)).order_by("-industry", "pk") if industry else types


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """The short form. An enterprise's worker reports a self-check find, an official an inspection's."""
    user: Any = request.user
    if user.role not in LIFECYCLE.open_by:
        raise PermissionDenied
    enterprise = Enterprise.objects.filter(pk=user.enterprise_id).first() if user.enterprise_id else None
    asked = request.POST.get("origin") if request.method == "POST" else request.GET.get("from")
    came_from = links.origin(asked, user)
    if request.method != "POST":
        form = ReportForm(enterprise=enterprise, initial={"token": uuid.uuid4()} | _taken_over(came_from))
        return render(request, "hazards/report.html", {"form": form, "came_from": came_from})
    form = ReportForm(request.POST, request.FILES, enterprise=enterprise)
    if form.is_valid():
        said = {name: value for name, value in form.cleaned_data.items() if name != "token"}

        def opened() -> Danger:
            case = _open(user, enterprise, said, came_from)
            if came_from is not None:
                links.link(came_from, case, user)
            return case

        try:
            case, _new = cases.once(user, str(form.cleaned_data["token"]), said, opened)
        except cases.FieldError as error:
            for name, texts in error.errors.items():
                place = {"before": "photo"}.get(name, name)
                form.add_error(place if place in form.fields else None, list(texts))
        except cases.MoveRefused as refused:
            known = _("This form was sent already. Open it anew for another danger.")
            form.add_error(None, known if refused.code == "key_reused" else refused.message)
        else:
            return HttpResponseRedirect(reverse("hazards:sent", args=(case.number,)))
    return render(request, "hazards/report.html", {"form": form, "came_from": came_from}, status=422)


def _taken_over(came_from: Case | None) -> dict[str, Any]:
    """What is known already of a danger that another case shows."""
    if came_from is None:
        return {}
    return {
        "origin": links.named(came_from), "title": came_from.title, "place": came_from.place,
        "enterprise": getattr(came_from, "enterprise_id", None), "description": str(came_from),
    }  # fmt: skip


def _open(user: Any, enterprise: Enterprise | None, said: dict[str, Any], came_from: Case | None) -> Danger:
    """Opens the case; one fixed on the spot is graded general and reported as rectified in the same act.

    Decree 16 Art. 3: general is what can be put right at once on finding. Another person still accepts it.
    """
    where = enterprise or said.get("enterprise")
    kind = said["type"] or guess_type(
        f"{said['title']} {said['description']}", [(t, t.name) for t in _types(where.industry_id if where else None)]
    )
    facts = {"title": said["title"], "place": said["place"], "description": said["description"], "type": kind}
    facts |= {"enterprise": said.get("enterprise"), "before": [said["photo"]] if said["photo"] else []}
    if came_from is not None:
        facts |= {"lon": came_from.lon, "lat": came_from.lat}
        facts |= {} if user.enterprise_id else {"source": SOURCES.get(came_from.kind, "inspection")}
    case: Danger = cases.open_declared("danger", by=user, facts=facts)
    if said["result"]:
        grade = "grade_inside" if user.enterprise_id else "verify"
        case = cases.move(case, grade, by=user, seen_version=case.version, facts_={"grade": "general"})
        done = {"result": said["result"], "after": [said["after"]]}
        case = cases.move(case, "fix_now", by=user, seen_version=case.version, facts_=done)
    return case


@login_required
@require_safe
def sent(request: HttpRequest, number: str) -> HttpResponse:
    """The receipt: the number, and what happens next."""
    case = Danger.numbered(number)
    if case is None:
        raise Http404
    return render(request, "hazards/sent.html", {"case": case, "deadline": deadline(case)})
