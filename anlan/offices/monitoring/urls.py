"""Addresses of the monitoring office that no register or case page serves."""

from django.urls import path

from anlan.kernel.addresses import keyed

from . import device_views, map_views, views, views_intake, views_limits, views_rules

app_name = "monitoring"
urlpatterns = [
    path("", views.coverage, name="coverage"),
    path("desk/", views.desk, name="desk"),
    path("map/", map_views.live, name="map"),
    path("map/wall/", map_views.wall, name="map-wall"),
    path("map/devices", map_views.devices, name="map-devices"),
    path("map/chosen", map_views.chosen, name="map-chosen"),
    path("devices/<int:key>/curve", device_views.curve, name="curve"),
    path("devices/<int:key>/curve.csv", device_views.sheet, name="curve-sheet"),
    path("devices/<int:key>/track", device_views.track, name="track"),
    path("devices/<int:key>/way/", device_views.way, name="way"),
    path("intake/", views_intake.intake, name="intake"),
    path("keys/<int:pk>/", views_intake.device_key, name="key"),
    path("limits/", views_limits.limits, name="limits"),
    path("rules/", views_rules.rules, name="rules"),
    path("rules/new/", views_rules.new, name="rule-new"),
    path("rules/new/save/", views_rules.save, name="rule-new-save"),
    path("rules/schema.json", views_rules.schema, name="rule-schema"),
    path("rules/of/<slug:name>/", views_rules.rule, name="rule"),
    path("rules/of/<slug:name>/save/", views_rules.save, name="rule-save"),
    path("rules/of/<slug:name>/switch/", views_rules.switch, name="rule-switch"),
    path("rules/of/<slug:name>/<int:number>/", views_rules.version, name="rule-version"),
    path("trials/<int:key>/", views_rules.trial, name="trial"),
]

keyed(
    *(f"monitoring:{name}" for name in ("curve", "curve-sheet", "track", "way")),
    of="monitoring.Device", keys=lambda device: {"key": device.pk}, record="key",
)  # fmt: skip
keyed("monitoring:key", of="monitoring.Device", keys=lambda device: {"pk": device.pk}, record="pk")
keyed(
    "monitoring:rule", "monitoring:rule-save", "monitoring:rule-switch", of="monitoring.Rule",
    keys=lambda rule: {"name": rule.name}, record="name",
)  # fmt: skip
keyed(
    "monitoring:rule-version", of="monitoring.RuleVersion",
    keys=lambda version: {"name": version.rule.name, "number": version.number}, record="number",
)  # fmt: skip
keyed("monitoring:trial", of="monitoring.RuleTrial", keys=lambda trial: {"key": trial.pk}, record="key")
