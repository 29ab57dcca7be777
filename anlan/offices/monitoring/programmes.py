"""The programmes of the notice under which devices watch and report (W6.1)."""

from django.utils.translation import gettext_lazy as _

PROGRAMMES = (
    ("coal-gas", _("Mines: gas monitoring")),
    ("mine-people", _("Mines: positioning of people")),
    ("mine-air", _("Mines: compressed air")),
    ("mine-water", _("Mines: water supply")),
    ("mine-talk", _("Mines: communication")),
    ("mine-refuge", _("Mines: emergency refuge")),
    ("slopes", _("Slopes of open pits")),
    ("tailings", _("Tailings ponds")),
    ("chemicals", _("Chemicals: process control and tanks")),
    ("fireworks", _("Fireworks")),
    ("explosives", _("Civil explosives")),
    ("rural-buses", _("Rural buses")),
    ("coaches", _("Coaches")),
    ("school-buses", _("School buses")),
    ("dangerous-goods-vehicles", _("Dangerous-goods vehicles")),
    ("passenger-ships", _("Passenger ships")),
    ("dangerous-goods-ships", _("Dangerous-goods ships")),
    ("lifts", _("Lifts")),
    ("cranes", _("Large cranes")),
    ("cylinders", _("Gas cylinders by tag")),
    ("sites", _("Building sites")),
    ("petrol", _("Petrol stations")),
    ("video", _("Video points")),
)
"""What rules, quotas and devices name; rules in `rules.yaml` speak of some of them."""
MOVING = frozenset({
    "rural-buses", "coaches", "school-buses", "dangerous-goods-vehicles", "passenger-ships", "dangerous-goods-ships",
})  # fmt: skip
"""Programmes whose devices drive or sail: they have tracks."""
SHIPS = frozenset({"passenger-ships", "dangerous-goods-ships"})
PROTOCOLS = (
    ("jt808", "JT/T 808"),
    ("ais", "AIS"),
    ("mqtt", "MQTT"),
    ("http", "HTTP"),
    ("file", _("File drop")),
    ("none", _("Sends nothing")),
)
