"""With whom a board is shared, and who changes it too."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from anlan.kernel import areas
from anlan.kernel.policy import OFFICIALS
from anlan.kernel.scope import area_prefix
from anlan.parties.models import ROLES, Account

from .models import Board

SHARES = (
    ("private", gettext_lazy("Nobody else")),
    ("authority", gettext_lazy("Everybody of my authority")),
    ("area", gettext_lazy("Officials of an area")),
)
MOST_EDITORS = 20
_CHECK = {"class": "form-check-input"}


def places(account: Any) -> list[tuple[str, str]]:
    """The account's own area and those one tier below it: code and name."""
    own = area_prefix(account.area_code)
    tier = {2: 2, 6: 3, 9: 4}.get(len(own), 4)
    rows = areas.divisions().filter(areas.within(own, "code"), tier__lte=tier).order_by("code")
    return list(rows.values_list("code", "name"))


class ShareForm(forms.Form):
    """How a board is shared. Co-editors are named by their user names; only accounts that one sees can be named."""

    share = forms.ChoiceField(label=gettext_lazy("Shared with"), choices=SHARES, widget=forms.RadioSelect(_CHECK))
    area = forms.ChoiceField(label=gettext_lazy("Area"), required=False)
    roles = forms.MultipleChoiceField(
        label=gettext_lazy("Only these roles (none chosen: all)"), required=False,
        choices=[(role, name) for role, name in ROLES if role in OFFICIALS],
        widget=forms.CheckboxSelectMultiple(_CHECK),
    )  # fmt: skip
    editors = forms.CharField(
        label=gettext_lazy("May change it too"), required=False, max_length=1500,
        help_text=gettext_lazy("User names, with commas between them."),
    )  # fmt: skip

    def __init__(self, data: Any, board: Board, account: Any) -> None:
        editors = Account.objects.filter(pk__in=board.editors).order_by("username").values_list("username", flat=True)
        initial = {
            "share": board.share, "roles": board.roles if set(board.roles) != OFFICIALS else [],
            "area": (board.reach or account.area_code).ljust(12, "0"), "editors": ", ".join(editors),
        }  # fmt: skip
        super().__init__(data, initial=initial)
        self.account = account
        self.fields["area"].choices = places(account)  # type: ignore[attr-defined]
        if account.authority_id is None:
            self.fields["share"].choices = [c for c in SHARES if c[0] != "authority"]  # type: ignore[attr-defined]

    def clean_editors(self) -> list[int]:
        given = self.cleaned_data["editors"].replace("，", ",").split(",")
        names = list(dict.fromkeys(name.strip() for name in given if name.strip()))
        if len(names) > MOST_EDITORS:
            raise ValidationError(_("At most %(n)s people change a board.") % {"n": MOST_EDITORS})
        known = dict(Account.objects.filter(username__in=names, role__in=OFFICIALS).values_list("username", "pk"))
        if missing := [name for name in names if name not in known]:
            said = _("Within your area nobody is called %(names)s.") % {"names": ", ".join(missing)[:200]}
            raise ValidationError(said)
        return [key for key in known.values() if key != self.account.pk]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("share") == "area" and not data.get("area"):
            self.add_error("area", _("Say of which area."))
        return data

    def apply(self, board: Board) -> None:
        """Writes what was chosen into the board."""
        data = self.cleaned_data
        board.address(data["share"], self.account, area_prefix(data["area"] or ""), data["roles"])
        board.editors = data["editors"]
