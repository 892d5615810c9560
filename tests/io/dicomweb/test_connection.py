"""Addresses and logins: what is refused, what is sent, and that secrets stay secret."""

from __future__ import annotations

import sys

import pytest
import requests

from fewslice.errors import InputError, codes_of
from fewslice.io.dicomweb.connection import Connection, client
from tests.support.web_stub import Reply, web_stub

SECRET = "not-to-be-shown"  # noqa: S105
URL = "https://pacs.example.org/dicom-web"


@pytest.mark.parametrize(
    "url", ["", "pacs.example.org", "ftp://pacs", "https://", "https://[x", "https://pacs:99999"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="expected one such as https://"):
        Connection(url)


@pytest.mark.parametrize("url", [f"https://me:{SECRET}@pacs", f"https://pacs/?key={SECRET}"])
def test_an_address_with_a_secret_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InputError, match="holds a login or a query") as refused:
        Connection(url)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"token": SECRET, "login": f"me:{SECRET}"}, "give one of them"),
        ({"login": SECRET}, "expected user:password"),
        ({"token": f"{SECRET}\nX: y"}, "cannot be sent"),
        ({"headers": {"X Y": SECRET}}, "cannot be sent"),
        ({"headers": {"X": f"{SECRET}é"}}, "cannot be sent"),
    ],
)
def test_a_login_that_cannot_be_used_is_not_repeated(given: dict[str, str], match: str) -> None:
    with pytest.raises(InputError, match=match) as refused:
        Connection(URL, **given)  # type: ignore[arg-type]
    assert SECRET not in str(refused.value)


def test_secrets_are_in_no_text() -> None:
    by_token = Connection(URL, token=SECRET, headers={"X-Key": SECRET})
    assert SECRET not in repr(by_token) + str(Connection(URL, login=f"me:{SECRET}"))


def test_what_is_sent() -> None:
    with web_stub({("GET", "/studies"): Reply(200, b"[]")}) as stub:
        for token, login in (("abc", None), (None, "me:secret")):
            connection = Connection(stub.url + "/", token, login, {"X-Key": "17"})
            with client(connection) as web:
                web.search_for_studies()
    sent = [headers for _, _, headers in stub.heard]
    # base64 of "me:secret", by hand: 6d 65 3a 73 65 63 72 65 74
    assert [each["Authorization"] for each in sent] == ["Bearer abc", "Basic bWU6c2VjcmV0"]
    assert {each["X-Key"] for each in sent} == {"17"}
    assert {each["Host"] for each in sent} == {stub.url.split("/")[2]}  # with the port
    assert {path for path, _, _ in stub.heard} == {"/dicom-web/studies"}


def test_warnings_of_a_server_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    reply = Reply(200, b"[]", {"Warning": '299 - "Curie^Marie has more studies"'})
    with web_stub({("GET", "/studies"): reply}) as stub, client(Connection(stub.url)) as web:
        assert web.search_for_studies() == []
    assert "Curie" not in caplog.text


def test_certificates_are_checked_unless_told_otherwise() -> None:
    def verify(connection: Connection) -> object:
        with client(connection) as web:
            session: requests.Session = web._session
            return session.verify

    assert verify(Connection(URL)) is True
    assert verify(Connection(URL, ca_file="own.pem")) == "own.pem"
    assert verify(Connection(URL, verify=False)) is False


def test_what_is_unsafe_is_said() -> None:
    assert codes_of(Connection("http://pacs", login="a:b").remarks) == {"secret-unencrypted"}
    assert codes_of(Connection(URL, verify=False).remarks) == {"certificate-unchecked"}
    for safe in (
        Connection(URL, login="a:b"),
        Connection("http://pacs"),
        Connection("http://127.0.0.1:8042", login="a:b"),
    ):
        assert safe.remarks == ()


def test_the_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dicomweb_client", None)
    with pytest.raises(InputError, match=r"fewslice\[dicomweb\]"), client(Connection(URL)):
        pass
