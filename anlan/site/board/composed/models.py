"""Boards as they are kept: what stands on them, whose they are and to whom they are addressed."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.policy import OFFICIALS
from anlan.kernel.scope import Addressed
from anlan.parties.models import Authority

PAST = 20
"""So many earlier states of a board are kept."""


class Board(Kept):
    """One board: `layout` holds its tiles (see `layout.py`), `past` its earlier states, the latest first.

    It is its maker's and the co-editors', and read by those to whom it is addressed: everybody with one of the `roles`
    whose area begins with `reach` (None: nobody), of `authority` where one is given. It holds no figure: each reader's
    are counted in his own scope.
    """

    scope_rule = Addressed("account_id", "editors", "reach", "roles", "authority_id")
    # The audit keeps what changed as it changes; the same once more for each of twenty states would be of no use.
    audit_hides: ClassVar[tuple[str, ...]] = ("past",)

    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="boards")
    area_code = AreaCode()
    maker = models.CharField(max_length=130, default="", editable=False)
    """As he is signed: who reads the board from another place does not see the account."""

    title = models.CharField(_("Title"), max_length=60)
    layout = models.JSONField(default=dict)
    past = models.JSONField(default=list)
    editors = ArrayField(models.BigIntegerField(), default=list)
    reach = models.CharField(max_length=12, null=True, db_collation="C")
    roles = ArrayField(models.CharField(max_length=12), default=list)
    authority = models.ForeignKey(Authority, models.PROTECT, null=True)

    class Meta:
        verbose_name = _("Board")

    @classmethod
    def begun(cls, account: Any, title: str, layout: dict[str, Any]) -> Self:
        """A board of that account's own, not kept yet."""
        maker = " · ".join(str(part) for part in (account, account.authority) if part)
        return cls(account=account, area_code=account.area_code, maker=maker[:130], title=title[:60], layout=layout)

    def changed_by(self, account: Any) -> bool:
        """Whether that account may change it."""
        return bool(account.pk == self.account_id or account.pk in self.editors)

    def address(self, share: str, account: Any, reach: str = "", roles: Any = ()) -> None:
        """Shares it: "private", with the maker's "authority", or with an "area" and roles (none: all officials)."""
        shared = share != "private"
        self.authority_id = account.authority_id if share == "authority" else None
        self.reach = (reach if share == "area" else "") if shared else None
        self.roles = (sorted(roles if share == "area" and roles else OFFICIALS)) if shared else []

    @property
    def share(self) -> str:
        """How it is shared, as `address` takes it."""
        return "private" if self.reach is None else "authority" if self.authority_id else "area"

    def lay(self, title: str, layout: dict[str, Any], account: Any) -> None:
        """Another title and layout; what it was is kept."""
        if (title, layout) == (self.title, self.layout):
            return
        before = {"title": self.title, "layout": self.layout, "at": clock.now().isoformat(), "by": account.name}
        self.past = [before, *self.past][:PAST]
        self.title, self.layout = title, layout

    def __str__(self) -> str:
        return self.title
