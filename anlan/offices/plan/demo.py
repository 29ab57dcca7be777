"""The demonstration city's plan of 2013: drafted, assigned to the city's real authorities, adopted."""

from __future__ import annotations

from django.conf import settings

from anlan.parties.demo import DemoCity
from anlan.parties.models import Authority, Post

from . import planfile
from .models import Duty

CITY = "500000000000"


def load(city: DemoCity) -> None:
    """The department's user drafts, the city's adopts."""
    plan = planfile.load(settings.ROOT / "plans" / "chongqing-2013.yaml", city.accounts["department"])
    bodies: dict[str, list[Authority]] = {}
    for authority in Authority.objects.at(city.now.date()).filter(area_code=CITY).order_by("id"):
        bodies.setdefault(authority.kind, []).append(authority)
    heads = {
        post.authority_id: post.person
        for post in Post.objects.at(city.now.date())
        .filter(head=True, authority__area_code=CITY)
        .select_related("person")
    }
    for clause in plan.clauses.all():
        for kind in clause.duty_kinds:
            for authority in bodies.get(kind, []):
                head = heads.get(authority.pk)
                Duty.objects.create(clause=clause, authority=authority, person=head, first=head is not None)
    plan.adopt(city.accounts["city"])
