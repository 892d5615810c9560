"""No request by MONAI Label's protocol, sensible or not, ends in a failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fewslice.integrations.monai_label import infer_routes
from fewslice.integrations.monai_label.routes import PREFIX, add_monai_label
from fewslice.server.problems import BusyError
from fewslice.server.settings import Settings
from tests.support.any_requests import operations_of, require_no_failure
from tests.support.served_projects import served_project


async def nobody_answers(*_: object) -> Any:
    raise BusyError("There are no workers in this test.")


@pytest.mark.slow
def test_no_request_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infer_routes, "ended", nobody_answers)
    with served_project(tmp_path, Settings(work=False, tools=PREFIX)) as served:
        add_monai_label(served.app)
        operations = operations_of(served.app.openapi(), PREFIX)
        assert len(operations) > 35
        for operation in operations:
            require_no_failure(served.client, operation, "message", 6, {"Host": "127.0.0.1"})
        assert served.client.get(f"{PREFIX}/info/").status_code == 200
