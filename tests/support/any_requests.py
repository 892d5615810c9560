"""Requests of every kind that a description allows, none of which may end in a failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from starlette.testclient import TestClient


def operations_of(description: Mapping[str, Any], prefix: str = "") -> list[Any]:
    """Return the operations of an OpenAPI description whose paths begin so."""
    schema = schemathesis.openapi.from_dict(dict(description))
    found: list[Any] = list(schema.get_all_operations())
    return [each for each in (result.ok() for result in found) if each.path.startswith(prefix)]


def require_no_failure(
    client: TestClient, operation: Any, says: str, examples: int, headers: Mapping[str, str]
) -> None:
    """Send requests of an operation: none ends in 500, each refusal is a sentence.

    says: the key of that sentence.
    """

    @settings(
        max_examples=examples,
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url=str(client.base_url).rstrip("/"))
        for unknown in ("cookies", "timeout", "allow_redirects"):
            sent.pop(unknown, None)
        if isinstance(sent.get("data"), bytes | str):
            sent["content"] = sent.pop("data")
        sent["headers"] = {**dict(sent.get("headers") or {}), **headers}
        response = client.request(**sent)
        assert response.status_code != 500, response.text
        if response.status_code >= 400 and response.request.method != "HEAD":
            assert set(response.json()) == {says}
            assert "\n" not in response.json()[says]

    check()
