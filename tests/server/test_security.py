"""What stands before every route."""

from __future__ import annotations

from pathlib import Path

import pytest

from fewslice.errors import InputError
from fewslice.server.run import require_accounts
from fewslice.server.settings import Settings, is_loopback
from tests.support.served_projects import API, PASSWORD, Served, served_project, with_accounts


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),  # noqa: S104 - an address to refuse
        ("192.168.0.7", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_which_addresses_only_this_computer_reaches(host: str, alone: bool) -> None:
    assert is_loopback(host) is alone


@pytest.mark.parametrize(
    "host", ["evil.example.org", "evil.example.org:8000", "127.0.0.1.example.org", ""]
)
def test_a_foreign_name_that_points_here_is_refused(served: Served, host: str) -> None:
    found = served.get("/scans", headers={"Host": host})
    assert found.status_code == 403
    assert "does not go by this name" in found.json()["message"]


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000", "LOCALHOST:1"])
def test_names_of_this_computer_are_known(served: Served, host: str) -> None:
    assert served.get("/me", headers={"Host": host}).status_code == 200


def test_named_hosts_are_known_and_no_others(tmp_path: Path) -> None:
    with served_project(tmp_path, Settings(work=False, names=("Scans.example.org",))) as served:
        with_accounts(served)
        known = served.get("/healthz", headers={"Host": "scans.example.org:443"})
        assert known.status_code == 200
        assert served.get("/healthz", headers={"Host": "other.example.org"}).status_code == 403


def test_with_accounts_any_name_will_do_unless_some_are_given(served: Served) -> None:
    headers = {"Host": "proxy.example.org"}
    assert served.get("/healthz", headers=headers).status_code == 403
    with_accounts(served)
    assert served.get("/healthz", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Fewslice": ""},
        {"X-Fewslice": "0"},
        {"X-Fewslice": "1", "Sec-Fetch-Site": "cross-site"},
        {"X-Fewslice": "1", "Sec-Fetch-Site": "same-site"},
        {"X-Fewslice": "", "Authorization": "Basic abc"},
    ],
)
def test_other_sites_pages_change_nothing(served: Served, headers: dict[str, str]) -> None:
    found = served.post("/scans/1/slices/2/3/mark", {"mark": "absent"}, headers=headers)
    assert found.status_code == 403
    assert served.get("/scans/1/history").json() == []


def test_a_cookie_alone_changes_nothing_but_a_token_of_a_program_does(served: Served) -> None:
    people = with_accounts(served)
    body = {"name": "annotator", "password": PASSWORD}
    login = served.client.post(f"{API}/login", json=body)
    cookie = login.headers["set-cookie"]
    for part in ("fewslice_token=", "HttpOnly", "SameSite=strict", "Path=/"):
        assert part in cookie
    assert "Secure" not in cookie  # over plain HTTP it would never come back
    assert served.get("/me").json()["name"] == "annotator"
    without = {"X-Fewslice": ""}
    assert served.post("/scans/1/undo", headers=without).status_code == 403
    assert served.post("/scans/1/undo", headers={**without, **people["admin"]}).status_code == 200


def test_over_tls_the_cookie_stays_there(served: Served) -> None:
    with_accounts(served)
    body = {"name": "annotator", "password": PASSWORD}
    login = served.client.post(f"https://127.0.0.1{API}/login", json=body)
    assert "Secure" in login.headers["set-cookie"]


@pytest.mark.parametrize("path", ["/scans", "/healthz", "/nothing", "/scans/x"])
def test_every_answer_has_a_strict_policy(served: Served, path: str) -> None:
    headers = served.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_a_body_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with served_project(tmp_path, Settings(work=False, largest_body=1024**2)) as served:
        path = f"{API}/scans/1/slices/2/6"
        told = served.client.put(path, content=bytes(2 * 1024**2))
        assert told.status_code == 413
        assert told.json()["message"].startswith("The request is larger than 1 MB")
        untold = served.client.put(path, content=(bytes(65_536) for _ in range(40)))
        assert untold.status_code == 413
        strange = served.client.put(path, content=b"x", headers={"Content-Length": "ten"})
        assert strange.status_code == 400


def test_other_addresses_demand_accounts(served: Served) -> None:
    everywhere = Settings(host="0.0.0.0")  # noqa: S104 - what is tested
    with pytest.raises(InputError, match="no accounts; add one first"):
        require_accounts(served.project, everywhere)
    require_accounts(served.project, Settings())
    with_accounts(served)
    require_accounts(served.project, everywhere)


def test_without_accounts_another_address_lets_nobody_in(tmp_path: Path) -> None:
    settings = Settings(host="192.0.2.1", work=False)
    with served_project(tmp_path, settings) as served:
        found = served.get("/scans", headers={"Host": "192.0.2.1"})
        assert found.status_code == 401


def test_script_in_names_travels_as_text(served: Served) -> None:
    name = "<script>alert(1)</script>\"'&"
    made = served.post("/structures", {"name": name})
    assert made.status_code == 201
    found = served.get("/project")
    assert found.headers["content-type"] == "application/json"
    assert name in [each["name"] for each in found.json()["structures"]]


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/page/../../app.py",
        "//etc/passwd",
        "/%00",
        "/api/v1/scans/..%2f1/image",
    ],
)
def test_no_path_leads_out_of_the_page(served: Served, path: str) -> None:
    found = served.client.get(f"http://127.0.0.1{path}")
    assert found.status_code in (404, 422)
    assert "root:" not in found.text
    assert "import" not in found.text
