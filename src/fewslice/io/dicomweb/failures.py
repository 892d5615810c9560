"""What goes wrong between us and a server, each as one sentence.

Errors of the libraries are dropped, not chained: they repeat addresses with what was searched for,
and headers.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from fewslice.errors import InputError, ServerError
from fewslice.io.dicomweb.connection import CONNECT_SECONDS, Connection

CREDENTIALS = (
    "set FEWSLICE_DICOMWEB_TOKEN, or FEWSLICE_DICOMWEB_LOGIN=user:password, in the environment, "
    "or give what it asks for with --header"
)

ADDRESS = "that the address ends where DICOMweb begins, such as https://pacs.example.org/dicom-web"

_STATUS = {
    400: f"does not understand the request (400); check identifiers and filters, and {ADDRESS}",
    404: f"has nothing at this address (404); check {ADDRESS}",
    405: "does not allow this (405); check the address, and that it offers DICOMweb for it",
    406: "cannot send what was asked for (406); ask who runs it whether it offers WADO-RS",
    413: "takes no request of this size (413); ask who runs it to raise the limit",
    415: "does not take DICOM (415); check that the address is the one for DICOMweb",
    429: "is busy (429); try again later",
    503: "is busy (503); try again later",
}


@contextmanager
def failures_named(connection: Connection, missing: str | None = None) -> Iterator[None]:
    """Raise ServerError for whatever fails in the body. Libraries' warnings are left out.

    missing: the sentence for 404, where that says that something is not on the server.
    """
    import requests
    from pydicom.errors import BytesLengthException, InvalidDicomError

    failure = requests.exceptions
    url = connection.url
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they may repeat what headers say of a patient
            yield
        return
    except failure.SSLError as error:
        sentence = _unproven(url, error)
    except failure.ConnectTimeout:
        sentence = (
            f"{url} cannot be reached: nothing answered within {CONNECT_SECONDS:g} s; check the "
            "address, and whether a firewall or VPN lies between."
        )
    except failure.Timeout:
        sentence = (
            f"{url} said nothing for {connection.timeout:g} s; try again later, or wait longer "
            "with --timeout SECONDS."
        )
    except failure.ProxyError:
        sentence = (
            f"{url} cannot be reached through the proxy; check HTTP_PROXY, HTTPS_PROXY and "
            "NO_PROXY in the environment."
        )
    except failure.ChunkedEncodingError:
        sentence = f"{url} broke off in the middle of an answer; try again."
    except failure.ConnectionError as error:
        sentence = _lost(url, error)
    except failure.TooManyRedirects as error:
        sentence = _redirected(url, error.response)
    except failure.HTTPError as error:
        if error.response is not None and error.response.status_code == 404 and missing:
            raise InputError(missing) from None
        sentence = _refused(url, error.response)
    except OSError as error:
        if not isinstance(error, failure.RequestException):
            raise  # such as a full disk
        sentence = _other(url)
    except (
        *(InvalidDicomError, BytesLengthException, NotImplementedError, RecursionError, EOFError),
        *(ValueError, LookupError, TypeError, AttributeError, struct.error),
    ):
        sentence = _other(url)
    raise ServerError(sentence) from None


def _unproven(url: str, error: Exception) -> str:
    """Say why TLS failed: a certificate that is not trusted, or no TLS there at all."""
    if "CERTIFICATE" in str(error).upper():
        return (
            f"{url} does not prove who it is: its certificate is not one that this computer "
            "trusts; give the authority's certificate with --ca-file FILE."
        )
    return (
        f"{url} does not answer in TLS; check the port, or whether the address begins with http "
        "instead of https."
    )


def _lost(url: str, error: Exception) -> str:
    """Say what a connection that failed means: nothing there, or it broke off."""
    if "IncompleteRead" in repr(error) or "aborted" in repr(error):
        return f"{url} broke off before its answer was complete; try again."
    return (
        f"{url} cannot be reached; check the address and the port, and whether the server runs and "
        "a VPN is needed."
    )


def _refused(url: str, response: Any) -> str:
    status = 0 if response is None else response.status_code
    if status == 401:
        return f"{url} asks who you are (401), or does not know the login; {CREDENTIALS}."
    if status == 403:
        return (
            f"{url} does not allow this to you (403); ask who runs it for the right, or "
            f"{CREDENTIALS}."
        )
    if status in _STATUS:
        return f"{url} {_STATUS[status]}."
    if status >= 500:
        return f"{url} failed ({status}); try again later, or ask who runs it."
    return f"{url} refused the request ({status}); ask who runs it."


def _redirected(url: str, response: Any) -> str:
    """Say where a server points to, without the query."""
    parts = urlsplit(str(response.headers.get("Location", "")) if response is not None else "")
    to = f" to {parts.scheme}://{parts.netloc}{parts.path}" if parts.netloc else ""
    return (
        f"{url} points elsewhere{to}, which is not followed, since logins would go there as well; "
        "give the address where DICOMweb is, and what it needs to know who you are."
    )


def _other(url: str) -> str:
    return (
        f"{url} answers, but not as DICOMweb does; expected the address of its DICOMweb services, "
        "such as https://pacs.example.org/dicom-web."
    )
