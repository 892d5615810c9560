"""The platform's *invoke* method: a container that stays, and answers one job after the other.

``GET /health`` says 200 once the model is loaded; ``POST /invoke`` answers the job that lies in the
input folder and says 201. Nothing is kept between jobs but the model.
"""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from fewslice.errors import FewsliceError
from fewslice.integrations.grand_challenge.algorithm import Algorithm

_MOST_READ = 1_000_000  # bytes of a body

_log = logging.getLogger(__name__)


def server(algorithm: Algorithm, address: tuple[str, int]) -> ThreadingHTTPServer:
    """Return a server that is bound and waits for `serve_forever`."""
    one_at_a_time = Lock()

    class Handler(BaseHTTPRequestHandler):
        """Health, and one job a call."""

        def do_GET(self) -> None:
            if self.path == "/health":
                self._say(HTTPStatus.OK, "ready")
            else:
                self._say(HTTPStatus.NOT_FOUND, "There is only GET /health and POST /invoke.")

        def do_POST(self) -> None:
            # What was sent along is not needed, but has to be taken off the connection.
            length = self.headers.get("Content-Length") or "0"
            if not (length.isascii() and length.isdigit()):
                self._say(HTTPStatus.BAD_REQUEST, "Content-Length is not a number; send one.")
                return
            self.rfile.read(min(int(length[:20]), _MOST_READ))
            if self.path != "/invoke":
                self._say(HTTPStatus.NOT_FOUND, "There is only GET /health and POST /invoke.")
                return
            with one_at_a_time:
                self._say(*_answered(algorithm))

        def _say(self, status: HTTPStatus, message: str) -> None:
            body = json.dumps({"message": message}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent: the platform shows what is printed as warnings."""

    return ThreadingHTTPServer(address, Handler)


def _answered(algorithm: Algorithm) -> tuple[HTTPStatus, str]:
    try:
        algorithm.run()
    except FewsliceError as error:
        _log.error("%s", error)
        return HTTPStatus.UNPROCESSABLE_ENTITY, str(error)
    except Exception as error:  # noqa: BLE001 - the container has to be there for the next job
        _log.exception("The job failed in a way that was not foreseen.")
        return (
            HTTPStatus.INTERNAL_SERVER_ERROR,
            f"It failed in a way that was not foreseen ({type(error).__name__}).",
        )
    return HTTPStatus.CREATED, "done"
