"""Reporting a hidden danger from a phone, in under a minute."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from anlan.kernel import cases, clock
from anlan.parties.models import Enterprise

from .lifecycle import LIFECYCLE
from .models import DangerType


class ReportForm(forms.Form):
    """What a worker says: a line and a photograph; everything else the account knows."""

    title = forms.CharField(label=gettext_lazy("One line: what is wrong"), max_length=200)
    place = forms.CharField(label=gettext_lazy("Where exactly"), max_length=200, required=False)
    type = forms.ModelChoiceField(DangerType.objects.none(), label=gettext_lazy("Type"), required=False)
    description = forms.CharField(
        label=gettext_lazy("More, if needed"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    photo = forms.FileField(
        label=gettext_lazy("Take or choose a photograph"), required=False,
        widget=forms.ClearableFileInput(attrs={"accept": "image/*", "capture": "environment"}),
    )  # fmt: skip

    def __init__(self, *args: Any, industry: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        types = DangerType.objects.filter(industry=None)
        if industry:
            types = DangerType.objects.filter(industry=industry) | types
        self.fields["type"].queryset = types  # type: ignore[attr-defined]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """The short form. An enterprise's worker reports a self-check find, an official an inspection's."""
    user: Any = request.user
    if user.role not in LIFECYCLE.open_by:
        raise PermissionDenied
    enterprise = Enterprise.objects.filter(pk=user.enterprise_id).first() if user.enterprise_id else None
    industry = enterprise.industry_id if enterprise else None
    if request.method != "POST":
        return render(request, "hazards/report.html", {"form": ReportForm(industry=industry)})
    form = ReportForm(request.POST, request.FILES, industry=industry)
    if form.is_valid():
        said = form.cleaned_data
        photo = said["photo"]
        try:
            case = cases.open_case(
                "danger",
                by=user,
                evidence={"before": [photo]} if photo else {},
                title=said["title"],
                place=said["place"],
                type=said["type"],
                description=said["description"] or said["title"],
                source="selfcheck" if enterprise else "inspection",
                found_at=clock.now(),
                area_code=enterprise.area_code if enterprise else user.area_code,
                industry_id=industry,
                enterprise=enterprise,
            )
        except cases.FieldError as error:
            for name, texts in error.errors.items():
                form.add_error("photo" if name == "before" else name if name in form.fields else None, list(texts))
        else:
            messages.success(request, _("Reported: %(number)s") % {"number": case.number})
            return HttpResponseRedirect(case.get_absolute_url())
    return render(request, "hazards/report.html", {"form": form}, status=422)
