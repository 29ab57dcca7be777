"""Models named in a period and not withdrawn by its end: what the notice has built in the year."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from anlan.kernel.figures import measure, source

from .models import ModelEnterprise, SafeCommunity

Text = str | Promise

MODELS = source(ModelEnterprise, cuts=("kind", "level"))
COMMUNITIES = source(SafeCommunity, cuts=("level",))
NOTICE = _("The notice, Part 2: model enterprises and safe communities")
NAMED = _("Named in the period, and not withdrawn by its end.")


def _named(t, p):  # type: ignore[no-untyped-def]  # an Ibis table
    return p.holds_day(t.named_on) & (t.withdrawn_on.isnull() | (t.withdrawn_on >= p.until_day))


def _models(name: str, kind: str, level: str, title: Text, clause: str, demanded: str) -> None:
    measure(
        f"public.{name}", MODELS, lambda t, p: _named(t, p) & (t.kind == kind) & (t.level == level), title=title,
        definition=NAMED, source_of_law=NOTICE, unit=_("enterprises"), better="more", clauses=(clause,),
        demanded=demanded,
    )  # fmt: skip


def _communities(name: str, level: str, title: Text, clause: str, demanded: str) -> None:
    measure(
        f"public.{name}", COMMUNITIES, lambda t, p: _named(t, p) & (t.level == level), title=title, definition=NAMED,
        source_of_law=NOTICE, unit=_("communities"), better="more", clauses=(clause,), demanded=demanded,
    )  # fmt: skip


_models(
    "health_models", "health", "city", _("Occupational-health model enterprises at city level"), "G4.1",
    "市级职业健康(?:规范化|示范)企业",
)  # fmt: skip
_models(
    "national_culture_models", "culture", "national", _("National model enterprises of safety culture"), "G5.2",
    "国家级安全文化(?:建设)?示范企业",
)  # fmt: skip
_models(
    "city_culture_models", "culture", "city", _("City-level model enterprises of safety culture"), "G5.3",
    "市级安全文化(?:建设)?示范企业",
)  # fmt: skip
_communities("international_communities", "international", _("International safe communities"), "G5.1", "国际安全社区")
_communities("national_communities", "national", _("National safe communities"), "G5.2", "国家级安全社区")
_communities("city_communities", "city", _("City-level safe communities"), "G5.3", "市级安全社区")
