"""REST: the first report of an accident. Everything after it goes by the cases' own addresses.

Imported by the site before the API's addresses are made.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Schema, Status
from pydantic import ConfigDict, Field

from anlan.kernel import cases
from anlan.kernel.areas import LAT, LON
from anlan.kernel.cases.api import IdempotencyKey
from anlan.kernel.clock import BEIJING
from anlan.kernel.registers import schemas
from anlan.kernel.registers.api import Refusal, _entered, api
from anlan.kernel.registers.schemas import Error
from anlan.parties.models import Enterprise

from .models import EVENTS, MOST, MOST_EVACUATED, MOST_MW, MOST_YUAN, Category
from .registers import Accidents
from .reporting import first_report_once

People = Annotated[int, Field(ge=0, le=MOST)]
Moment = Annotated[datetime, schemas.AfterValidator(schemas._in_calendar)]


class FirstReportIn(Schema):
    """A first report (首报). Times carry their zone. `category` is its code in the scheme in force on that day.

    `source` says who reported it to the authority; an enterprise leaves it out, everybody else states it. `outside`
    names in words a place in none of the divisions here and stands instead of `area_code`; `passed_to` the authority
    that was told of it already.
    """

    model_config = ConfigDict(extra="forbid")
    area_code: schemas.text(12, r"^([0-9]{12})?$") = ""  # type: ignore[valid-type]
    outside: schemas.text(120) = ""  # type: ignore[valid-type]
    passed_to: schemas.text(120) = ""  # type: ignore[valid-type]
    occurred_at: Moment
    known_at: Moment | None = None
    at: Moment | None = None
    source: Literal["unit", "district", "other", "own"] | None = None
    category: schemas.text(24)  # type: ignore[valid-type]
    course: Annotated[schemas.text(4000), Field(min_length=1)]  # type: ignore[valid-type]
    measures: schemas.text(4000) = ""  # type: ignore[valid-type]
    title: schemas.text(200) = ""  # type: ignore[valid-type]
    place: schemas.text(200) = ""  # type: ignore[valid-type]
    lon: Annotated[Decimal, Field(ge=LON[0], le=LON[1], max_digits=9, decimal_places=6)] | None = None
    lat: Annotated[Decimal, Field(ge=LAT[0], le=LAT[1], max_digits=8, decimal_places=6)] | None = None
    enterprise: schemas.Key | None = None
    unit_name: schemas.text(120) = ""  # type: ignore[valid-type]
    deaths: People = 0
    missing: People = 0
    injured: People = 0
    slight: People = 0
    trapped: People = 0
    endangered: People = 0
    evacuated: Annotated[int, Field(ge=0, le=MOST_EVACUATED)] = 0
    loss_yuan: Annotated[Decimal, Field(ge=0, le=MOST_YUAN, max_digits=15, decimal_places=2)] | None = None
    environment: bool = False
    key_facility: bool = False
    equipment_event: Literal[("", *(code for code, _title in EVENTS))] = ""  # type: ignore[valid-type]
    capacity_mw: Annotated[int, Field(ge=0, le=MOST_MW)] = 0
    hours: Annotated[Decimal, Field(ge=0, max_digits=7, decimal_places=1)] = Decimal(0)


class FiledOut(Schema):
    """What became of it. `passed_on`: it happened outside of the caller's area and went where it belongs."""

    number: str
    passed_on: bool
    grade: str | None
    due_at: datetime | None


@api.post(
    "/first-reports",
    operation_id="accidents.first_report",
    response={
        200: FiledOut, 201: FiledOut, 400: Error, 401: Error, 403: Error, 404: Error, 409: Error, 422: Error,
    },
    tags=["accidents"],
)  # fmt: skip
def post_first_report(request: HttpRequest, new: FirstReportIn, idempotency_key: IdempotencyKey = None) -> Any:  # type: ignore[valid-type]
    """Takes the first report of an accident, wherever it happened.

    Sent again with the same `Idempotency-Key` and body, it answers 200 with the first.
    """
    way_out = _("Correct the value and send it again.")
    for name in ("occurred_at", "known_at", "at"):
        value = getattr(new, name)
        if value is not None and value.tzinfo is None:
            raise Refusal(422, "invalid", _("The time carries no zone."), name, way_out)
    with _entered(request, Accidents, "see") as account:
        token = getattr(request, "api_token", None)
        if token is not None and not token.allows(Accidents.name, write=True):
            raise Refusal(403, "not_allowed", _("This token may only read."), "", _("Use another token."))
        said = new.model_dump()
        said["category"] = (
            Category.objects.at(new.occurred_at.astimezone(BEIJING).date()).filter(code=new.category).first()
        )
        if said["category"] is None:
            words = _("This category was not in force on the day of the accident.")
            raise Refusal(422, "invalid", words, "category", way_out)
        said["enterprise"] = Enterprise.objects.filter(pk=new.enterprise).first() if new.enterprise else None
        if new.enterprise and said["enterprise"] is None:
            raise Refusal(422, "invalid", _("There is no such enterprise in your area."), "enterprise", way_out)
        try:
            filed, first = first_report_once(account, idempotency_key or "", said)
        except cases.FieldError as error:
            place, problems = next(iter(error.errors.items()))
            raise Refusal(422, "invalid", problems[0], place, way_out) from None
        except cases.MoveRefused as refused:
            if refused.code == "key_reused":
                way_out = _("Send it under another key.")
                raise Refusal(409, refused.code, refused.message, "Idempotency-Key", way_out) from None
            raise Refusal(403, refused.code, refused.message, "", _("Ask the authority in charge.")) from None
        made = filed.accident
        return Status(201 if first else 200, {
            "number": filed.number, "passed_on": made is None, "grade": made.grade if made else None,
            "due_at": made.due_at.astimezone(BEIJING) if made and made.due_at else None,
        })  # fmt: skip
