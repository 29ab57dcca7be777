"""Addresses of the monitoring office that no register or case page serves."""

from django.urls import path

from anlan.kernel.addresses import keyed

from . import device_views, map_views, views, views_intake

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
]

keyed(
    *(f"monitoring:{name}" for name in ("curve", "curve-sheet", "track", "way")),
    of="monitoring.Device", keys=lambda device: {"key": device.pk}, record="key",
)  # fmt: skip
keyed("monitoring:key", of="monitoring.Device", keys=lambda device: {"pk": device.pk}, record="pk")
