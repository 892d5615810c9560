"""Every route there is, by everybody who might ask: none is forgotten, since the list is the app's
own description.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.served_projects import API, Served, served_project, with_accounts

# Routes that need no login, and those for some people only.
OPEN = {("post", "/login"), ("get", "/healthz")}
FOR_ADMINS = {
    ("post", "/people"),
    ("post", "/structures"),
    ("put", "/structures/{value}"),
    ("patch", "/scans/{scan}"),
    ("post", "/models/{version}/activate"),
}
FOR_REVIEWERS = {
    ("post", "/scans/{scan}/accept"),
    ("post", "/scans/{scan}/return"),
    ("get", "/agreement/{scan}"),
}

BODIES: dict[tuple[str, str], Any] = {
    ("post", "/people"): {"name": "eve", "password": "long enough", "role": "admin"},
    ("post", "/structures"): {"name": "another"},
    ("put", "/structures/{value}"): {"name": "another", "colour": "#000000"},
    ("patch", "/scans/{scan}"): {"priority": 1},
    ("post", "/scans/{scan}/return"): {"remark": "again"},
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with served_project(tmp_path_factory.mktemp("guarded")) as served:
        yield served, with_accounts(served)


def routes(served: Served) -> list[tuple[str, str]]:
    described = served.client.get(f"{API}/openapi.json").json()["paths"]
    return [
        (method, path.removeprefix(API))
        for path, methods in described.items()
        for method in methods
    ]


def asked(served: Served, route: tuple[str, str], headers: dict[str, str]) -> Any:
    method, path = route
    filled = path
    for name in ("scan", "value", "index", "job", "version", "revision"):
        filled = filled.replace(f"{{{name}}}", "1")
    filled = filled.replace("{axis}", "2")
    options: dict[str, Any] = {"headers": headers}
    if method in ("post", "put", "patch"):
        options["json"] = BODIES.get((method, path), {})
    return served.client.request(method, API + filled, **options)


def test_the_lists_here_name_routes_that_exist(guarded: Any) -> None:
    served, _ = guarded
    found = set(routes(served))
    assert len(found) > 40
    assert {*OPEN, *FOR_ADMINS, *FOR_REVIEWERS, *BODIES} <= found


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic YTpi"},
        {"Cookie": "fewslice_token=nonsense"},
    ],
    ids=["no token", "another token", "an empty token", "basic", "another cookie"],
)
def test_nobody_gets_in_without_a_token(guarded: Any, headers: dict[str, str]) -> None:
    served, _ = guarded
    let_in = [
        route
        for route in routes(served)
        if route not in OPEN and asked(served, route, headers).status_code != 401
    ]
    assert let_in == []


@pytest.mark.parametrize("role", ["annotator", "reviewer"])
def test_what_a_role_may_not_do_is_refused(guarded: Any, role: str) -> None:
    served, people = guarded
    refused = {*FOR_ADMINS, *(FOR_REVIEWERS if role == "annotator" else ())}
    for route in sorted(refused):
        found = asked(served, route, people[role])
        assert (route, found.status_code) == (route, 403)
        assert "may do that" in found.json()["message"]


def test_an_admin_may_do_everything(guarded: Any) -> None:
    served, people = guarded
    for route in sorted({*FOR_ADMINS, *FOR_REVIEWERS}):
        assert asked(served, route, people["admin"]).status_code != 403


def test_a_token_that_was_given_back_is_worthless(tmp_path: Path) -> None:
    with served_project(tmp_path) as served:
        token = with_accounts(served)["annotator"]
        assert served.get("/me", headers=token).status_code == 200
        assert served.post("/logout", headers=token).status_code == 204
        assert served.get("/me", headers=token).status_code == 401


def test_jobs_of_others_are_not_cancelled(tmp_path: Path) -> None:
    with served_project(tmp_path) as served:
        people = with_accounts(served)
        job = served.post("/scans/1/segment", headers=people["annotator"]).json()["job"]
        path = f"/jobs/{job}/cancel"
        assert served.post(path, headers=people["reviewer"]).status_code == 403
        assert served.post(path, headers=people["admin"]).json()["state"] == "cancelled"


def test_guessing_passwords_becomes_slow(tmp_path: Path) -> None:
    with served_project(tmp_path) as served:
        with_accounts(served)
        found = [served.post("/login", {"name": "admin", "password": "wrong"}) for _ in range(4)]
        assert [each.status_code for each in found] == [403, 403, 403, 429]
        assert int(found[-1].headers["retry-after"]) >= 1
        assert "wrong; try again" in found[0].json()["message"]
