"""What people fill in at a plan."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.registers.declaration import all_registers
from anlan.kernel.registers.meanwhile import Held
from anlan.parties.models import Authority, Industry, Post

from . import proofs
from .models import KINDS, Clause, Plan, Target
from .reading.flat import LARGEST


class BeginForm(forms.Form):
    """A notice as file or text, or a plan file."""

    file = forms.FileField(
        label=_("The notice's text, or a plan file"), required=False,
        help_text=_("A text file (UTF-8 or GB 18030) as taken from the PDF, or a plan file (.yaml). At most 1 MB."),
        widget=forms.ClearableFileInput(attrs={"accept": ".txt,.yaml,.yml,text/plain"}),
    )  # fmt: skip
    text = forms.CharField(
        label=_("Or paste the notice's text"), required=False, strip=False, max_length=LARGEST,
        widget=forms.Textarea(attrs={"rows": 12}),
    )  # fmt: skip
    year = forms.IntegerField(
        label=_("Year of the plan"), required=False, min_value=1949, max_value=2200,
        help_text=_("Only if the notice's title does not name it."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        given = [bool(data.get("file")), bool((data.get("text") or "").strip())]
        if not self.errors and sum(given) != 1:
            raise forms.ValidationError(_("Give either a file or a text."), code="plan.one_source")
        return data


class Versioned(Held, forms.ModelForm):
    """Knows which version the person saw, and what its fields held then."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"].initial = self.instance.version
        # Several such forms may stand on a page: each has names of its own for labels.
        self.auto_id = f"id_{self._meta.model._meta.model_name}_{self.instance.pk or 'new'}_%s"
        if self.instance.pk is not None:
            self.hold(name for name in self.fields if name != "version")


class HeadForm(Versioned):
    class Meta:
        model = Plan
        fields = ("title", "title_en", "issuer", "issued_on")
        widgets = {"issued_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}


class ListField(forms.MultipleChoiceField):
    """Several of a list, pressed on and off."""

    widget = forms.CheckboxSelectMultiple


class ClauseForm(Versioned):
    """A clause; its id is given once, for others refer to it."""

    industries = ListField(label=_("Industries"), required=False, help_text=_("None ticked: all industries."))
    duty_kinds = ListField(label=_("Kinds of duty-holders"), required=False, choices=KINDS)
    proofs = ListField(label=_("Proved by"), required=False)

    class Meta:
        model = Clause
        fields = ("code", "title", "gist", "title_en", "industries", "duty_kinds", "proofs", "reported")
        widgets = {"gist": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["industries"].choices = [(i.pk, str(i)) for i in Industry.objects.all()]
        known = {r.name: r.title for r in all_registers()}
        # What no office keeps yet may be named all the same: it is what the clause still lacks.
        later = [(n, proofs.title(n)) for n in {**dict.fromkeys(proofs.TO_COME), **dict.fromkeys(self.instance.proofs)}]
        fields["proofs"].choices = [*known.items(), *((n, t) for n, t in later if n not in known)]
        if self.instance.pk:
            del self.fields["code"]

    def clean_industries(self) -> list[str] | None:
        return self.cleaned_data["industries"] or None


class TargetForm(Versioned):
    class Meta:
        model = Target
        fields = (
            "clause", "subject", "comparator", "value", "unit", "baseline", "baseline_value", "due", "measure", "line",
            "subject_en", "duty_kinds",
        )  # fmt: skip
        widgets = {"due": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}

    duty_kinds = ListField(label=_("Kinds of duty-holders"), required=False, choices=KINDS)

    def __init__(self, *args: Any, plan: Plan, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["clause"].queryset = plan.clauses.all()
        for name in ("value", "baseline_value"):
            self.fields[name].widget.attrs["step"] = "any"
            value = getattr(self.instance, name)
            if value is not None:  # 38, not 38.0000
                self.initial[name] = Decimal(f"{value.normalize():f}")


class ReasonForm(forms.Form):
    """Why something is done that others will ask about."""

    reason = forms.CharField(label=_("Reason"), max_length=300)


class AssignForm(forms.Form):
    """Clauses and targets, to one authority or to all of a kind."""

    to = forms.ChoiceField(label=_("To whom"), required=False)
    authority = forms.ModelChoiceField(
        Authority.objects.none(), label=_("Or one authority"), required=False,
        widget=forms.TextInput(attrs={"data-pick": "/r/authorities/pick/", "autocomplete": "off"}),
    )  # fmt: skip
    first = forms.BooleanField(label=_("Their heads bear the first responsibility"), required=False, initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["authority"].queryset = Authority.objects.at(clock.today())
        fields["to"].choices = [("", "–"), *((k, t) for k, t in KINDS if k != "enterprise")]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and bool(data.get("to")) == bool(data.get("authority")):
            raise forms.ValidationError(
                _("Choose either a kind of authority or one authority."), code="plan.one_holder"
            )
        return data


class PersonForm(forms.Form):
    """Who at an authority handles its duties."""

    post = forms.ModelChoiceField(
        Post.objects.none(), label=_("Person responsible"), required=False, empty_label=_("Nobody named")
    )
    first = forms.BooleanField(label=_("The head bears the first responsibility"), required=False)

    def __init__(self, *args: Any, authority: Authority, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = Post.objects.at(clock.today()).filter(authority=authority).select_related("person")
        fields: dict[str, Any] = self.fields
        fields["post"].queryset = held.order_by("-head", "id")


class ApportionForm(forms.Form):
    """A target's number in parts by what each had last year."""

    to = forms.ChoiceField(
        label=_("To whom"), choices=(("area", _("All districts")), ("industry", _("All industries")))
    )
    keep = forms.IntegerField(
        label=_("Kept in reserve"), min_value=0, max_value=10**9, initial=0,
        help_text=_("So much of the city's number goes to nobody."),
    )  # fmt: skip
    reason = forms.CharField(label=_("Reason"), max_length=200, help_text=_("It stands beside each part."))


class SchemeForm(forms.Form):
    """A scoring scheme as a file."""

    file = forms.FileField(
        label=_("Scheme file"), max_length=100, help_text=_("YAML in UTF-8, at most 1 MB."),
        widget=forms.ClearableFileInput(attrs={"accept": ".yaml,.yml"}),
    )  # fmt: skip

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError(_("The file is larger than 1 MB."))
        return file
