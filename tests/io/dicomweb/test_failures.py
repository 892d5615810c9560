"""Whatever goes wrong with a server is one sentence, which repeats nothing of what was asked."""

from __future__ import annotations

import shutil
import socket
import subprocess

import certifi
import pytest

from fewslice.errors import ServerError
from fewslice.io.dicomweb.connection import Connection
from fewslice.io.dicomweb.find import list_studies
from tests.support.web_stub import Reply, as_json, web_stub

WHO = "Curie"
STUDIES = ("GET", "/studies")
HTML = Reply(200, b"<html>Please log in</html>", {"Content-Type": "text/html"})


def failure(connection: Connection) -> str:
    """Ask for studies of somebody, and return the sentence."""
    with pytest.raises(ServerError) as failed:
        list_studies(connection, {"PatientName": WHO})
    error = failed.value
    assert error.__cause__ is None
    assert error.__suppress_context__  # else a traceback would show what was asked for
    assert WHO not in str(error)
    assert str(error).startswith(connection.url)
    return str(error)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "does not understand the request"),
        (401, "asks who you are (401), or does not know the login; set FEWSLICE_DICOMWEB_TOKEN"),
        (403, "does not allow this to you (403)"),
        (404, "has nothing at this address (404)"),
        (413, "413); ask who runs it to raise the limit"),
        (418, "refused the request (418)"),
        (500, "failed (500); try again later"),
        (503, "is busy (503)"),
    ],
)
def test_a_refusal(status: int, said: str) -> None:
    with web_stub({STUDIES: Reply(status, WHO.encode())}) as stub:
        assert said in failure(Connection(stub.url))
        assert len(stub.heard) == 1  # nothing is tried again behind a person's back


@pytest.mark.parametrize(
    "reply", [HTML, Reply(200, b"{["), as_json(["text"]), as_json(7), as_json([{"0020000D": 7}])]
)
def test_what_is_no_dicomweb(reply: Reply) -> None:
    with web_stub({STUDIES: reply}) as stub:
        assert "answers, but not as DICOMweb does" in failure(Connection(stub.url))


def test_an_entry_without_an_identifier() -> None:
    with (
        web_stub({STUDIES: as_json({"error": "x"})}) as stub,
        pytest.raises(ServerError, match="without a valid StudyInstanceUID"),
    ):
        list_studies(Connection(stub.url))


def test_a_redirect_is_not_followed() -> None:
    with web_stub({("GET", "/login"): HTML}) as elsewhere:
        to = Reply(302, b"", {"Location": f"{elsewhere.url}/login?user={WHO}"})
        with web_stub({STUDIES: to}) as stub:
            said = failure(Connection(stub.url, headers={"X-Key": "17"}))
        assert f"points elsewhere to {elsewhere.url}/login, which is not followed" in said
        assert elsewhere.heard == []


def test_an_answer_that_breaks_off() -> None:
    with web_stub({STUDIES: Reply(200, b"[" + b" " * 5000 + b"]", cut=3000)}) as stub:
        assert "broke off" in failure(Connection(stub.url))


def test_silence() -> None:
    with web_stub({}) as stub:
        assert "said nothing for 0.2 s" in failure(Connection(stub.url, timeout=0.2))


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as bound:  # a port that nobody listens on
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        assert "cannot be reached; check the address" in failure(Connection(f"http://{address}"))
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("HTTP_PROXY", f"http://{address}")
        monkeypatch.setenv("http_proxy", f"http://{address}")
        assert "through the proxy" in failure(Connection("http://pacs.invalid"))


def test_no_tls_where_it_is_expected() -> None:
    with web_stub({STUDIES: HTML}) as stub:
        url = stub.url.replace("http:", "https:")
        assert "does not answer in TLS" in failure(Connection(url, timeout=5))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A key and its certificate, which nobody but itself has signed."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed, which makes the certificate of this test")
    folder = tmp_path_factory.mktemp("tls")
    key, signed = folder / "key.pem", folder / "certificate.pem"
    given = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    made = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(signed)]
    subprocess.run([program, "req", *given, *made], check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text(key.read_text() + signed.read_text())
    return str(both)


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_must_be_trusted(
    certificate: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    if variable:  # what is given for this server counts, not what is set for all
        monkeypatch.setenv(variable, certifi.where())
    with web_stub({STUDIES: Reply(200, b"[]")}, certificate) as stub:
        assert "--ca-file" in failure(Connection(stub.url, timeout=5))
        assert list_studies(Connection(stub.url, ca_file=certificate)) == []
        assert list_studies(Connection(stub.url, verify=False)) == []
