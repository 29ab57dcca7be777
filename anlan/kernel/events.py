"""Events: offices tell what happened and hear each other, through an outbox in the same database.

`tell` writes the event and one delivery per handler in the caller's transaction. The worker hands
each delivery to its handler at least once; the handler's writes and the mark "done" are one
transaction, so what it does in the database happens exactly once. For one handler the events of one
subject come in order; one that failed too often is set aside as dead, with its error, and can be retried.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from django.db.models.functions import Now

from .scope import EVERYWHERE, Actor, Scope, acting, acting_now, area_prefix

CHANNEL = "anlan_event"
ATTEMPTS = 8
"""After so many failures a delivery is dead; the waits between them sum to about two hours."""

_ROWS = 5000
log = logging.getLogger(__name__)
_DISPATCHER = Actor("event", "dispatcher")


@dataclass(frozen=True, slots=True)
class Heard:
    """What a handler is given."""

    id: int
    name: str
    subject: str
    area_code: str
    industry_id: str | None
    enterprise_id: int | None
    facts: dict[str, Any] = field(default_factory=dict)

    def record(self, fact: str) -> Any:
        """The record that was told as `fact`, read within the handler's scope."""
        told = self.facts[fact]
        return apps.get_model(told["model"])._default_manager.get(pk=told["pk"])

    @property
    def scope(self) -> Scope:
        """The place and industry of what happened."""
        industries = None if self.industry_id is None else frozenset((self.industry_id,))
        return Scope(area_prefix(self.area_code), industries)


@dataclass(frozen=True, slots=True)
class _Handler:
    name: str
    event: str
    run: Callable[[Heard], None]
    scope: Scope | None


_handlers: dict[str, _Handler] = {}


def hears(
    name: str, *, handler: str, scope: Scope | None = None
) -> Callable[[Callable[[Heard], None]], Callable[[Heard], None]]:
    """Declares a handler of the event `name`. `handler` is its lasting name in the database.

    It runs in the place and industry of the event, or in `scope` if it states a wider one. Modules
    `<app>/events.py` are loaded by themselves.
    """

    def declare(run: Callable[[Heard], None]) -> Callable[[Heard], None]:
        known = _handlers.get(handler)
        if known is not None and (known.run.__module__, known.run.__qualname__) != (run.__module__, run.__qualname__):
            raise ValueError(f"two event handlers are called {handler!r}")
        _handlers[handler] = _Handler(handler, name, run, scope)
        return run

    return declare


def tell(
    name: str,
    *,
    area_code: str | None = None,
    industry_id: str | None = None,
    enterprise_id: int | None = None,
    subject: str = "",
    **facts: Any,
) -> int:
    """Tells that `name` happened; heard if and only if the surrounding transaction commits.

    A fact that is a record is told as its model and key; the first such record is the event's
    subject and gives place, industry and enterprise where they are not said. Returns the event's id.
    """
    event = _event(name, facts, area_code, industry_id, enterprise_id, subject)
    event.save()
    _hand_over(name, [event])
    return int(event.pk)


def tell_each(name: str, several: Sequence[Mapping[str, Any]]) -> None:
    """Tells that `name` happened once for each of these facts, in as many statements for many as for one."""
    from .models import Event

    made = Event.objects.bulk_create((_event(name, facts) for facts in several), batch_size=_ROWS)
    if made:
        _hand_over(name, made)


def _event(
    name: str, facts: Mapping[str, Any], area_code: str | None = None, industry_id: str | None = None,
    enterprise_id: int | None = None, subject: str = "",
) -> Any:  # fmt: skip
    from .models import Event

    now = acting_now()
    if now is None:
        raise RuntimeError(f"event {name!r} told outside of any scope")
    record = next((v for v in facts.values() if isinstance(v, models.Model) and hasattr(v, "area_code")), None)
    if record is not None:
        subject = subject or f"{record._meta.label_lower}:{record.pk}"
        if area_code is None:
            area_code = record.area_code
            industry_id = industry_id or getattr(record, "industry_id", None)
            enterprise_id = enterprise_id or getattr(record, "enterprise_id", None)
    if area_code is None:
        raise ValueError(f"event {name!r} does not say where it happened")
    told = {
        k: {"model": v._meta.label_lower, "pk": v.pk} if isinstance(v, models.Model) else v for k, v in facts.items()
    }
    return Event(
        name=name, subject=subject, area_code=area_code, industry_id=industry_id, enterprise_id=enterprise_id,
        actor=f"{now[0].kind}:{now[0].name}", facts=json.loads(json.dumps(told, cls=DjangoJSONEncoder)),
    )  # fmt: skip


def _hand_over(name: str, made: Sequence[Any]) -> None:
    """A delivery of each of these events for each handler."""
    from .models import Delivery

    handlers = [h for h in _handlers.values() if h.event == name]
    if handlers:
        Delivery.objects.bulk_create(
            (Delivery(event=event, handler=h.name, subject=event.subject) for event in made for h in handlers),
            batch_size=_ROWS,
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def deliver_one() -> bool:
    """Hands the oldest delivery that is due to its handler; whether there was one.

    Several workers may run this at once. A handler that does not know a newer program's event name
    leaves the delivery waiting for a worker that does.
    """
    from .models import Delivery

    with acting(_DISPATCHER, EVERYWHERE):
        earlier = Delivery.objects.filter(
            handler=models.OuterRef("handler"), subject=models.OuterRef("subject"), state="waiting",
            event__lt=models.OuterRef("event"),
        ).exclude(subject="")  # fmt: skip
        delivery = (
            Delivery.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(~models.Exists(earlier), state="waiting", next_try__lte=Now(), handler__in=list(_handlers))
            .select_related("event")
            .order_by("event_id", "id")
            .first()
        )
        if delivery is None:
            return False
        handler, e = _handlers[delivery.handler], delivery.event
        heard = Heard(e.pk, e.name, e.subject, e.area_code, e.industry_id, e.enterprise_id, e.facts)
        try:
            with transaction.atomic(), acting(Actor("event", handler.name), handler.scope or heard.scope):
                handler.run(heard)
        except Exception as error:
            # Any failure of a handler is kept with the delivery and shown; the others go on.
            attempts = delivery.attempts + 1
            log.warning("event %s: handler %s failed (%s of %s)", e.pk, handler.name, attempts, ATTEMPTS, exc_info=True)
            Delivery.objects.filter(pk=delivery.pk).update(
                attempts=attempts,
                state="dead" if attempts >= ATTEMPTS else "waiting",
                error=f"{type(error).__name__}: {error}"[:2000],
                next_try=Now() + timedelta(seconds=min(3600, 2 * 4 ** (attempts - 1))),
            )
        else:
            Delivery.objects.filter(pk=delivery.pk).update(
                attempts=delivery.attempts + 1, state="done", error="", done_at=Now()
            )
        return True


def deliver_due(limit: int = 10_000) -> int:
    """Delivers what is due now, at most `limit`; returns how many were handed over."""
    done = 0
    while done < limit and deliver_one():
        done += 1
    return done


def retry(delivery_id: int) -> bool:
    """Sets a dead delivery waiting again; False if there is no such dead one in scope."""
    from .models import Delivery

    found = Delivery.objects.filter(pk=delivery_id, state="dead").update(state="waiting", attempts=0, next_try=Now())
    if found:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
    return bool(found)
