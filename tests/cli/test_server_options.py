"""Logins come from the environment or a header, and are never repeated."""

from __future__ import annotations

import pytest

from fewslice.cli.main import run
from fewslice.cli.server_options import LOGIN, TOKEN, parse_headers
from fewslice.errors import InputError
from tests.support.command_line import refused
from tests.support.web_stub import Reply, web_stub

SECRET = "not-to-be-shown"  # noqa: S105


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (TOKEN, LOGIN):
        monkeypatch.delenv(name, raising=False)


def test_headers() -> None:
    assert parse_headers(["X-Key: a:b ", "Y:1"]) == {"X-Key": "a:b", "Y": "1"}
    for text in (SECRET, f":{SECRET}", "X:"):
        with pytest.raises(InputError, match="cannot be read") as failed:
            parse_headers([text])
        assert SECRET not in str(failed.value)


def test_the_environment_says_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    with web_stub({("GET", "/studies"): Reply(200, b"[]")}) as stub:
        command = ["dicomweb", "list", stub.url, "--header", "X-Key: 17"]
        assert run(command) == 0
        monkeypatch.setenv(TOKEN, "abc")
        assert run(command) == 0
    sent = [headers for _, _, headers in stub.heard]
    assert [each.get("Authorization") for each in sent] == [None, "Bearer abc"]
    assert {each["X-Key"] for each in sent} == {"17"}


def test_nothing_repeats_a_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(LOGIN, f"me:{SECRET}")
    with web_stub({("GET", "/studies"): Reply(401, SECRET.encode())}) as stub:
        command = ["dicomweb", "list", stub.url]
        assert SECRET not in refused(command, capsys)
        monkeypatch.setenv(TOKEN, SECRET)
        said = refused(command, capsys)
    assert "give one of them" in said
    assert SECRET not in said


def test_an_unsafe_connection_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dicomweb", "list", "https://127.0.0.1:1", "--no-verify"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert "is not checked" in lines[0]
    assert "cannot be reached" in lines[1]
    assert len(lines) == 2
