"""How the shared nouns are listed, filled in, imported and served."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.policy import EVERY_ROLE, OFFICIALS, Rights
from anlan.kernel.registers import Register, register

from .codes import make_credit_code
from .models import (
    Account,
    Answering,
    Authority,
    BaseFigure,
    Division,
    Enterprise,
    Industry,
    IndustryClass,
    Looked,
    Person,
    Post,
)
from .models.bases import KINDS
from .papers import registers as papers  # noqa: F401 (the archive)

WITH_PEOPLE = frozenset({"city", "department", "district", "township", "inspector", "enterprise", "duty"})
SUPERVISORS = frozenset({"city", "department", "district", "township", "inspector"})


def sample_answering(number: int) -> Answering:
    """One authority answering to another."""
    pair = [
        Authority.objects.create(name=f"样本局{number}-{n}", kind="supervisor", tier=2, area_code="500112000000")
        for n in range(2)
    ]
    return Answering(authority=pair[0], to=pair[1])


def sample_post(number: int) -> Post:
    """A post at an enterprise."""
    # With the code by which an exported sheet names it.
    code = make_credit_code("500112", number)
    enterprise = Enterprise.objects.create(name=f"样本厂{number}", area_code="500112000000", credit_code=code)
    person = Person.objects.create(name=f"样本人{number}", area_code="500112000000", enterprise=enterprise)
    return Post(person=person, enterprise=enterprise, title=f"安全员{number}")


@register
class Divisions(Register):
    name = "divisions"
    model = Division
    title = _("Divisions")
    singular = _("Division")
    icon = "map-2"
    group = "parties"
    columns = ("code", "name", "tier", "valid_from", "valid_to")
    filters = ("tier", "code", "valid_to")
    search = ("name", "pinyin", "code")
    natural_key = ("code",)
    sections = ((_("Division"), ("code", "name", "tier", "parent", "valid_from", "valid_to", "successor")),)
    order = "code"
    rights = Rights(see=EVERY_ROLE)


@register
class Industries(Register):
    name = "industries"
    model = Industry
    title = _("Industries")
    singular = _("Industry")
    icon = "category"
    group = "parties"
    columns = ("code", "name", "name_en", "high_hazard")
    filters = ("high_hazard",)
    search = ("code", "name")
    natural_key = ("code",)
    sections = ((_("Industry"), ("code", "name", "name_en", "high_hazard")),)
    order = "code"
    rights = Rights(see=EVERY_ROLE)


@register
class Enterprises(Register):
    name = "enterprises"
    model = Enterprise
    title = _("Enterprises")
    singular = _("Enterprise")
    icon = "building-factory-2"
    group = "parties"
    large = True
    columns = ("name", "credit_code", "area_code", "industry", "staff", "high_hazard", "status")
    filters = ("area_code", "industry", "status", "high_hazard", "above_scale", "gb4754")
    search = ("name", "pinyin", "own_name", "own_pinyin", "credit_code", "registration_number")
    natural_key = ("credit_code",)
    sections = (
        (_("Identity"), ("name", "credit_code", "registration_number", "gb4754", "industry", "status")),
        (_("Place"), ("area_code", "address", "park", "lon", "lat")),
        (_("Size and hazard"), ("staff", "revenue", "above_scale", "high_hazard")),
        (_("Contact"), ("phone",)),
    )
    order = "name"
    rights = Rights(see=EVERY_ROLE, add=SUPERVISORS, change=SUPERVISORS, export=OFFICIALS)


@register
class Authorities(Register):
    name = "authorities"
    model = Authority
    title = _("Authorities")
    singular = _("Authority")
    icon = "building-bank"
    group = "parties"
    columns = ("name", "kind", "area_code", "tier", "valid_from", "valid_to")
    filters = ("area_code", "kind", "tier")
    search = ("name",)
    natural_key = ("name",)
    sections = ((_("Authority"), ("name", "short_name", "kind", "tier", "area_code", "valid_from", "valid_to")),)
    order = "name"
    rights = Rights(see=EVERY_ROLE, add={"city"}, change={"city"})


@register
class IndustryClasses(Register):
    name = "industry-classes"
    model = IndustryClass
    title = _("Economic classes")
    singular = _("Economic class")
    icon = "sitemap"
    group = "parties"
    columns = ("code", "name", "industry", "source")
    filters = ("industry",)
    search = ("code", "name")
    natural_key = ("code",)
    sections = ((_("Economic class"), ("code", "name", "industry", "source")),)
    order = "code"
    rights = Rights(see=EVERY_ROLE)


@register
class WhoAnswersToWhom(Register):
    name = "answering"
    model = Answering
    title = _("Who answers to whom")
    singular = _("Bond between authorities")
    icon = "hierarchy-2"
    group = "parties"
    columns = ("authority", "bond", "to", "valid_from", "valid_to")
    filters = ("bond",)
    sample = staticmethod(sample_answering)
    sections = ((_("Bond between authorities"), ("authority", "bond", "to", "valid_from", "valid_to")),)
    rights = Rights(see=EVERY_ROLE, add={"city"}, change={"city"})


def sample_base(number: int) -> BaseFigure:
    """A figure of a year and months of its own."""
    year, of = number % 250, number // 250
    return BaseFigure(
        kind=KINDS[of // 12 % len(KINDS)][0], area_code="500112000000", year=1949 + year, months=1 + of % 12, value=1,
        source="样本年鉴",
    )  # fmt: skip


@register
class BaseFigures(Register):
    name = "base-figures"
    model = BaseFigure
    title = _("Base figures")
    singular = _("Base figure")
    icon = "calculator"
    group = "parties"
    columns = ("kind", "area_code", "year", "months", "value", "stage", "source")
    filters = ("kind", "area_code", "industry_id", "year", "stage")
    natural_key = ("kind", "area_code", "year", "months")
    sections = (
        (_("Base figure"), ("kind", "area_code", "year", "months", "value")),
        (_("Source"), ("source", "stage")),
    )
    order = "-year"
    sample = staticmethod(sample_base)
    rights = Rights(see=OFFICIALS, add={"city"}, change={"city"}, remove={"city"})


@register
class People(Register):
    name = "people"
    model = Person
    title = _("People")
    singular = _("Person")
    icon = "users"
    group = "parties"
    large = True
    columns = ("name", "phone", "enterprise", "area_code", "industry")
    filters = ("area_code", "industry")
    search = ("name", "pinyin")
    sections = ((_("Person"), ("name", "phone", "area_code", "industry", "enterprise")),)
    order = "name"
    rights = Rights(see=WITH_PEOPLE, add=SUPERVISORS, change=SUPERVISORS, export={"city", "district"})


@register
class Posts(Register):
    name = "posts"
    model = Post
    title = _("Posts")
    singular = _("Post")
    icon = "id-badge-2"
    group = "parties"
    large = True
    columns = ("person", "title", "authority", "enterprise", "head", "valid_from", "valid_to")
    filters = ("head",)
    sample = staticmethod(sample_post)
    sections = ((_("Post"), ("person", "title", "authority", "enterprise", "head", "valid_from", "valid_to")),)
    rights = Rights(see=WITH_PEOPLE, add=SUPERVISORS, change=SUPERVISORS, export={"city", "district"})


@register
class Accounts(Register):
    """Seen only: accounts are made and ended by whoever runs the installation."""

    name = "accounts"
    model = Account
    title = _("Accounts")
    singular = _("Account")
    icon = "user-shield"
    group = "system"
    columns = ("username", "name", "role", "area_code", "authority", "is_active", "last_login")
    filters = ("role", "area_code", "is_active")
    search = ("username", "name")
    natural_key = ("username",)
    sections = (
        (_("Account"), ("username", "name", "role", "is_active", "last_login")),
        (_("Place"), ("area_code", "authority", "enterprise")),
    )
    order = "username"
    rights = Rights(see={"city", "district"}, export=frozenset())


@register
class Looks(Register):
    name = "looks"
    model = Looked
    title = _("Looks at personal data")
    singular = _("Look at personal data")
    icon = "eye"
    group = "system"
    columns = ("at", "actor", "table", "row", "page", "area_code")
    filters = ("table", "area_code")
    search = ("actor",)
    sections = ((_("Look at personal data"), ("at", "actor", "table", "row", "page", "area_code")),)
    order = "-at"
    rights = Rights(see={"city", "district"}, export=frozenset())
