"""What the registers that plans name as proof are called, where no office keeps them yet."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TO_COME: dict[str, str | Promise] = {
    "accidents": _("Accident register"),
    "activities": _("Publicity activities"),
    "annual-scores": _("Annual appraisal scores"),
    "blacklist": _("Blacklist of enterprises"),
    "campaigns": _("Special campaigns"),
    "certificates": _("Certificates of personnel"),
    "contingency-plans": _("Contingency plans"),
    "delegations": _("Delegated enforcement"),
    "devices": _("Monitoring devices"),
    "drills": _("Emergency drills"),
    "enforcement": _("Enforcement cases"),
    "events": _("Large events"),
    "funds": _("Special funds"),
    "hazard-declarations": _("Occupational hazard declarations"),
    "hotline-reports": _("Reports by the public"),
    "inspections": _("Inspections and supervision"),
    "installations": _("Major hazard installations"),
    "insurance": _("Insurance and deposits"),
    "integrations": _("Connected information systems"),
    "investigations": _("Accident investigations"),
    "joint-meetings": _("Joint meetings"),
    "key-projects": _("Key projects"),
    "legislation": _("Law-making"),
    "officer-certificates": _("Certificates of officers"),
    "premises": _("Premises under fire supervision"),
    "rescue-resources": _("Rescue forces and supplies"),
    "risk-assessments": _("Annual risk assessments"),
    "road-sections": _("Dangerous road sections"),
    "ships": _("Ships and ferries"),
    "sites": _("Construction sites"),
    "special-equipment": _("Special equipment in use"),
    "tailings-ponds": _("Tailings ponds"),
    "warnings": _("Warnings issued"),
}


def title(name: str) -> str | Promise:
    """The register's name for people; a name that nobody knows stays as it is written."""
    return TO_COME.get(name, name)
