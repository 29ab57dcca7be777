"""Schemathesis over the whole OpenAPI description: no 5xx, no answer outside the schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from anlan.kernel.registers.models import ApiToken
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.models import Account, Enterprise

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def api() -> Iterator[Any]:
    from django.core.signals import request_finished, request_started
    from django.core.wsgi import get_wsgi_application
    from django.db import close_old_connections

    # The test's transaction must outlive the requests, as it does under Django's own test client.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    with acting(Actor("test", "tests"), EVERYWHERE):
        Enterprise.objects.create(name="渝北厂", area_code="500112000000", industry_id="road")
        city = Account.objects.create(username="c", name="市安委办", role="city", area_code="500000000000")
        token = ApiToken.issue(city, "schemathesis", ["*:write"])
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    schema.config.headers = {"Authorization": f"Bearer {token}"}
    yield schema
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def test_no_answer_outside_the_schema(api: Any) -> None:
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    operations = [result.ok() for result in api.get_all_operations()]
    assert len(operations) > 10
    for operation in operations:

        @hypothesis.settings(max_examples=30, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
        @hypothesis.given(case=operation.as_strategy())
        def conforms(case: Any) -> None:
            case.call_and_validate(checks=checks)

        conforms()
