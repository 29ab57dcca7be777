"""Returns: the enterprise's own, and who has returned and who has not for the authorities."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import auth, messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from anlan.kernel import areas, clock
from anlan.kernel.policy import OFFICIALS
from anlan.kernel.scope import acting, acting_now, area_prefix
from anlan.kernel.sheets.plain import table
from anlan.kernel.sheets.writing import TYPES
from anlan.parties.models import Enterprise, Industry, Post

from .. import returns
from ..models import SelfCheckReturn
from ..rules import COUNTS, Period


class ReturnForm(forms.ModelForm):  # type: ignore[type-arg]
    """The table's figures, who signs, and the password of whoever sends it."""

    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    signer = forms.ModelChoiceField(
        Post.objects.none(), label=gettext_lazy("Signed by (principal head)"), empty_label=None,
        help_text=gettext_lazy("Only who holds the post of principal head may sign (Decree 16, Article 14)."),
    )  # fmt: skip
    signed = forms.BooleanField(label=gettext_lazy("The principal head has seen these figures and signed the table"))
    password = forms.CharField(
        label=gettext_lazy("Your own password, to confirm"), max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )  # fmt: skip

    class Meta:
        model = SelfCheckReturn
        fields = (*COUNTS, "analysis", "reason")

    def __init__(self, *args: Any, enterprise: Enterprise, edition: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        heads = returns.heads(enterprise)
        self.fields["signer"].queryset = heads  # type: ignore[attr-defined]
        self.fields["signer"].initial = heads.first()
        self.fields["analysis"].widget.attrs["rows"] = 4
        for name in COUNTS:
            self.fields[name].widget.attrs |= {"inputmode": "decimal", "min": "0"}
        if edition:
            self.fields["reason"].required = True
        else:
            del self.fields["reason"]

    def figures(self, held: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
        """Each figure's field with what the system holds."""
        for name in COUNTS:
            yield self[name], held[name]

    def rest(self) -> Iterator[Any]:
        """The fields after the figures."""
        return (field for field in self if field.name not in COUNTS)


def _period(text: str) -> Period:
    try:
        return Period.parse(text)
    except ValueError:
        raise Http404 from None


def _stands(period: Period, one: SelfCheckReturn | None) -> dict[str, Any]:
    """How the return of a period stands, in words and tone."""
    left = returns.days_to_due(period, clock.today())
    if one is None:
        words, tone = (_("No return"), "critical") if left < 0 else (_("Not returned yet"), "attention")
    elif one.late:
        words, tone = _("Returned late"), "attention"
    else:
        words, tone = _("Returned in time"), "success"
    return {"period": period, "words": returns.words(period), "due": returns.due_on(period), "left": left,
            "state": words, "tone": tone, "one": one}  # fmt: skip


@login_required
@require_safe
def index(request: HttpRequest) -> HttpResponseBase:
    """An enterprise sees its own periods; an authority who has returned and who has not."""
    user: Any = request.user
    if user.enterprise_id is None:
        return _overview(request)
    periods = returns.recent(clock.today())
    standing = {
        r.period: r
        for r in SelfCheckReturn.objects.filter(replaced_at__isnull=True, period__in=[str(p) for p in periods])
    }
    lines = [_stands(p, standing.get(str(p))) for p in periods]
    return render(request, "hazards/returns_own.html", {"lines": lines, "basis": returns.basis(periods[0])})


@sensitive_post_parameters("password")
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def own(request: HttpRequest, period: str) -> HttpResponse:
    """The enterprise's return of one period: prefilled, signed, corrected."""
    asked, user = _period(period), request.user
    enterprise = Enterprise.objects.filter(pk=getattr(user, "enterprise_id", None)).first()
    if enterprise is None:
        raise PermissionDenied
    if asked.next.first > clock.today():
        raise Http404
    now_held, before = returns.held(enterprise, asked), returns.standing(enterprise, asked)
    edition = before.edition if before else 0
    correcting = before is None or "correct" in request.GET or request.method == "POST"
    form = None
    if correcting:
        initial = {n: getattr(before, n) if before else now_held[n] for n in COUNTS} | {"seen": edition}
        data = request.POST if request.method == "POST" else None
        form = ReturnForm(data, enterprise=enterprise, edition=edition, initial=initial)
    if request.method == "POST" and form is not None and form.is_valid():
        said = form.cleaned_data
        # Through the sign-in's own check, so that guessing is counted and locked out there too.
        if auth.authenticate(request, username=user.get_username(), password=said["password"]) is None:
            form.add_error("password", _("This is not your password. After five wrong attempts you are locked out."))
        else:
            try:
                made = returns.sign(
                    enterprise, asked, said, post=said["signer"], by=user, seen=said["seen"],
                    analysis=said["analysis"], reason=said.get("reason", ""),
                )  # fmt: skip
            except returns.NotSigned as error:
                form.add_error(None, error.message)
            else:
                late = _("It is late and stays marked so.") if made.late else _("It is in time.")
                messages.success(request, _("The return is signed and with the authority.") + " " + late)
                return HttpResponseRedirect(reverse("hazards:return", args=(str(asked),)))
    context = _one(enterprise, asked, before, now_held) | {
        "form": form, "edition": edition, "figures": list(form.figures(now_held)) if form else [],
        "rest": list(form.rest()) if form else [], "may_sign": True, "no_head": not returns.heads(enterprise).exists(),
    }  # fmt: skip
    return render(request, "hazards/return.html", context, status=422 if form is not None and form.errors else 200)


@login_required
@require_safe
def of_enterprise(request: HttpRequest, period: str, enterprise: int) -> HttpResponse:
    """One enterprise's return as an authority sees it."""
    found = Enterprise.objects.filter(pk=enterprise).first() if enterprise < 2**63 else None
    if found is None:
        raise Http404
    asked = _period(period)
    context = _one(found, asked, returns.standing(found, asked), returns.held(found, asked))
    return render(request, "hazards/return.html", context)


def _one(enterprise: Enterprise, period: Period, one: SelfCheckReturn | None, held: dict[str, Any]) -> dict[str, Any]:
    labels = {f.name: f.verbose_name for f in SelfCheckReturn._meta.concrete_fields}
    rows = []
    if one is not None:
        for name in COUNTS:
            then, signed = one.held.get(name), getattr(one, name)
            differs = then is not None and Decimal(str(then)) != Decimal(str(signed))
            rows.append({"label": labels[name], "signed": signed, "then": then, "now": held[name], "differs": differs})
    editions = SelfCheckReturn.objects.filter(enterprise=enterprise, period=str(period)).order_by("-edition")
    low, high = period.first.isoformat(), period.last.isoformat()
    return {
        "enterprise": enterprise, "stands": _stands(period, one), "one": one, "rows": rows, "held": held,
        "editions": list(editions.select_related("submitted_by")), "basis": returns.basis(period),
        "dangers_url": f"/r/dangers/?enterprise={enterprise.pk}&found_at_from={low}&found_at_to={high}",
    }  # fmt: skip


# --- For the authorities --------------------------------------------------------------------------------


class Asked(forms.Form):
    """What the overview and the list behind it are cut to."""

    period = forms.ChoiceField(label=gettext_lazy("Period"))
    by = forms.ChoiceField(label=gettext_lazy("Cut by"), required=False)
    area = forms.RegexField(r"^[0-9]{0,12}$", label=gettext_lazy("Area"), required=False, widget=forms.HiddenInput)
    industry = forms.ChoiceField(label=gettext_lazy("Industry"), required=False)
    state = forms.ChoiceField(label=gettext_lazy("State"), required=False)

    def __init__(self, request: HttpRequest) -> None:
        user: Any = request.user
        prefix = area_prefix(user.area_code)
        periods = returns.recent(clock.today(), quarters=8)
        given = request.GET.copy()
        given.setdefault("period", str(periods[0]))
        wide = area_prefix(given.get("area", "").ljust(12, "0")) if given.get("area") else prefix
        given.setdefault("by", "district" if len(wide) < 6 else "township" if len(wide) < 9 else "village")
        super().__init__(given, auto_id="asked-%s")
        for name, choices in (
            ("period", [(str(p), returns.words(p)) for p in periods]),
            ("by", [("district", _("District or county")), ("township", _("Township or subdistrict")),
                    ("village", _("Village or community")), ("industry", _("Industry"))]),
            ("industry", [("", _("All industries")), *((i.pk, str(i)) for i in Industry.objects.all()),
                          ("-", _("Not mapped"))]),
            ("state", [("", _("All that owe a return")), ("none", _("No return")), ("late", _("Late")),
                       ("in_time", _("In time")), ("zero", _("Zero returns")), ("corrected", _("Corrected"))]),
        ):  # fmt: skip
            self.fields[name].choices = choices  # type: ignore[attr-defined]


def _asked(request: HttpRequest) -> dict[str, Any]:
    form = Asked(request)
    if not form.is_valid():
        raise Http404
    said = form.cleaned_data
    period = Period.parse(said["period"])
    area = said["area"]
    place = areas.names([area.ljust(12, "0")]).get(area.ljust(12, "0"), area) if area else ""
    return said | {"form": form, "period": period, "words": returns.words(period), "place": place,
                   "due": returns.due_on(period), "left": returns.days_to_due(period, clock.today()),
                   "basis": returns.basis(period)}  # fmt: skip


def _officials_only(request: HttpRequest) -> None:
    if getattr(request.user, "role", "") not in OFFICIALS:
        raise PermissionDenied


def _overview(request: HttpRequest) -> HttpResponseBase:
    _officials_only(request)
    asked = _asked(request)
    industry = asked["industry"]
    lines, total = returns.overview(asked["period"], asked["by"], asked["area"], "" if industry == "-" else industry)
    form = request.GET.get("form", "")
    if form in ("csv", "xlsx"):
        headings = [str(h) for h in (
            _("Code"), _("Name"), _("Owing"), _("In time"), _("Late"), _("No return"), _("Zero returns"),
            _("Corrected"),
            _("General found"), _("General rectified"), _("Major found"), _("Major rectified"),
        )]  # fmt: skip
        names = returns.Line.__slots__
        return _sheet(
            f"returns-{asked['period']}", headings, ([getattr(x, n) for n in names] for x in (*lines, total)), form
        )
    return render(
        request, "hazards/returns.html", asked | {"lines": lines, "total": total, "by_area": asked["by"] != "industry"}
    )


@login_required
@require_safe
def enterprises(request: HttpRequest) -> HttpResponseBase:
    """The enterprises behind a number of the overview."""
    _officials_only(request)
    asked = _asked(request)
    form = request.GET.get("form", "")
    cut = (asked["period"], asked["state"], asked["area"], asked["industry"])
    if form in ("csv", "xlsx"):
        headings = [str(h) for h in (
            _("Enterprise"), _("Area"), _("Telephone"), _("State"), _("Signed by (principal head)"),
            *(SelfCheckReturn._meta.get_field(n).verbose_name for n in COUNTS),
        )]  # fmt: skip

        def rows() -> Iterator[list[Any]]:
            for row in returns.enterprises(*cut, limit=None).iterator(chunk_size=2000):
                yield [row["name"], row["area_code"], row["phone"], str(_state(row)), row["signed__signed_by"],
                       *(row[f"signed__{n}"] for n in COUNTS)]  # fmt: skip

        return _sheet(f"returns-{asked['period']}-{asked['state'] or 'all'}", headings, rows(), form)
    found = list(returns.enterprises(*cut, after=_after(request.GET.get("after", ""))))
    shown = found[: returns.PAGE]
    places = areas.names(row["area_code"] for row in shown)
    english = not (get_language() or "zh").startswith("zh")
    for row in shown:
        row |= {"place": places.get(row["area_code"], ""), "state": _state(row),
                "industry": row["industry__name_en" if english else "industry__name"] or _("Not mapped")}  # fmt: skip
        row["zero"] = row["signed__pk"] and row["signed__general_found"] == 0 == row["signed__major_found"]
        row.update({n: row[f"signed__{n}"] for n in COUNTS}, edition=row["signed__edition"],
                   signed_at=row["signed__signed_at"], signed=row["signed__pk"], late=row["signed__late"])  # fmt: skip
    more = f"{shown[-1]['area_code']}:{shown[-1]['pk']}" if len(found) > returns.PAGE else ""
    return render(request, "hazards/returns_enterprises.html", asked | {"rows": shown, "more": more})


def _state(row: dict[str, Any]) -> Any:
    if row["signed__pk"] is None:
        return _("No return")
    return _("Late") if row["signed__late"] else _("In time")


def _after(text: str) -> tuple[str, int] | None:
    area, _colon, key = text.partition(":")
    return (area, int(key)) if area.isdecimal() and key.isdecimal() and len(key) < 19 else None


def _sheet(name: str, headings: list[str], rows: Any, form: str) -> StreamingHttpResponse:
    """Streamed after the request's transaction has ended, in the same scope and language."""
    now, language = acting_now(), get_language() or "zh-hans"
    assert now is not None

    def pieces() -> Iterator[bytes]:
        with acting(*now), override(language):
            yield from table(name, headings, rows, form)

    answer = StreamingHttpResponse(pieces(), content_type=TYPES[form])
    answer["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return answer
