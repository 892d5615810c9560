"""What the OpenAPI description promises holds: no request of any kind ends in a failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from starlette.testclient import TestClient

from fewslice.server import suggesting
from fewslice.server.arrays import MEDIA_TYPE
from fewslice.server.problems import BusyError
from tests.support.served_projects import API, BASE, Served, served_project

_ALWAYS = {"Host": "127.0.0.1", "X-Fewslice": "1"}


@schemathesis.serializer(MEDIA_TYPE)
def as_it_is(_: object, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


async def nobody_answers(*_: object) -> Any:
    raise BusyError("There are no workers in this test.")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with (
        served_project(tmp_path_factory.mktemp("schema")) as served,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(suggesting, "ended", nobody_answers)
        served.put(served.page(6))
        yield served


def described(served: Served) -> list[Any]:
    """Return all operations but the stream of events, which never ends."""
    text = served.client.get(f"{API}/openapi.json").json()
    schema = schemathesis.openapi.from_dict(text)
    found: list[Any] = list(schema.get_all_operations())
    operations = [result.ok() for result in found]
    return [each for each in operations if each.path != f"{API}/events"]


@pytest.mark.slow
def test_no_request_of_the_description_fails(shared: Served) -> None:
    operations = described(shared)
    assert len(operations) > 40
    for operation in operations:
        _try(shared.client, operation)


def _try(client: TestClient, operation: Any) -> None:
    @settings(
        max_examples=12,
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url=BASE)
        for unknown in ("cookies", "timeout", "allow_redirects"):
            sent.pop(unknown, None)
        if isinstance(sent.get("data"), bytes | str):
            sent["content"] = sent.pop("data")
        sent["headers"] = {**dict(sent.get("headers") or {}), **_ALWAYS}
        response = client.request(**sent)
        assert response.status_code != 500
        if response.status_code >= 400:
            assert set(response.json()) == {"message"}

    check()
