"""The HTTP session with a server. Imported only where requests is needed: it is an extra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from requests import PreparedRequest, Response, Session

JSON = "application/dicom+json"


class CertainSession(Session):
    """A session that checks certificates as it was told, whatever the environment says.

    In requests the variable REQUESTS_CA_BUNDLE overrules the certificates of a session.

    latest: the last response, which is closed with the session: reading one may end in its middle.
    """

    latest: Response | None = None

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """Return the settings of a request."""
        told = verify if self.verify is True else self.verify
        return super().merge_environment_settings(url, proxies, stream, told, cert)

    def noticed(self, response: Response, **_: object) -> Response:
        """Remember a response, without what the library would log, which may tell of a patient."""
        response.headers.pop("Warning", None)
        self.latest = response
        return response

    def close(self) -> None:
        """Close all connections."""
        if self.latest is not None:
            self.latest.close()
        super().close()


def make_session(secret: Mapping[str, str], verify: bool | str) -> Session:
    """Return a session. secret: headers to send. verify: a file of certificates, or whether."""
    session = CertainSession()
    # A redirect would take headers to another host, and make a GET of a POST.
    session.max_redirects = 0
    session.verify = verify
    session.headers["Accept"] = JSON  # what STOW-RS should answer in
    session.headers["User-Agent"] = "fewslice"
    if secret:  # else a .netrc file of the person counts
        session.auth = lambda request: _signed(request, secret)
    session.hooks["response"].append(session.noticed)
    return session


def _signed(request: PreparedRequest, headers: Mapping[str, str]) -> PreparedRequest:
    request.headers.update(headers)
    return request
