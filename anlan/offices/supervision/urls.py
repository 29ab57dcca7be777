"""Addresses of the supervision office that no register or case page serves."""

from django.urls import path

from anlan.kernel.addresses import keyed

from .views import meetings, pressing

app_name = "supervision"
urlpatterns = [
    path("orders/new/", pressing.order_new, name="order-new"),
    path("circulars/new/", pressing.circular_new, name="circular-new"),
    path("meetings/new/", meetings.meeting_new, name="meeting-new"),
    path("meetings/<str:number>/attendance/", meetings.attendance, name="attendance"),
    path("meetings/<str:number>/minutes/", meetings.minutes_page, name="minutes"),
    path("meetings/<str:number>/letter/", meetings.letter, name="minutes-letter"),
    path("invitations/<int:key>/answer/", meetings.answer, name="invitation-answer"),
]
keyed(
    "supervision:attendance", "supervision:minutes", "supervision:minutes-letter", of="supervision.Meeting",
    keys=lambda meeting: {"number": meeting.number}, record="number",
)  # fmt: skip
keyed("supervision:invitation-answer", of="supervision.Invitation", keys=lambda row: {"key": row.pk}, record="key")
