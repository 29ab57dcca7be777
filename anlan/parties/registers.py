"""How the shared nouns are listed, filled in, imported and served."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.policy import EVERY_ROLE, OFFICIALS, Rights
from anlan.kernel.registers import Register, register

from .models import Authority, Division, Enterprise, Industry

SUPERVISORS = frozenset({"city", "department", "district", "township", "inspector"})


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
    columns = ("name", "credit_code", "area_code", "industry", "staff", "high_hazard", "status")
    filters = ("area_code", "industry", "status", "high_hazard", "above_scale", "gb4754")
    search = ("name", "pinyin", "credit_code", "registration_number")
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
