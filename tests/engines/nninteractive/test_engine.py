"""Our engine against our own server, over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import numpy as np
import pytest

from fewslice.annotation.annotation import blank_annotation
from fewslice.engines import Interpolation, NNInteractive, Scan
from fewslice.errors import InputError, ServerError, codes_of
from fewslice.segmentation.assemble import assemble_labels
from tests.support.engine_questions import AXIS, DRAWN, annotate, scribbled
from tests.support.other_engines import nninteractive_server
from tests.support.phantoms import dice, two_organs

PHANTOM = two_organs()
SCAN = Scan.from_spacing(PHANTOM.image[None], PHANTOM.spacing)
DRAWING = annotate(PHANTOM, PHANTOM.sparse(AXIS, *DRAWN))
KEY = "opensesame"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with nninteractive_server(tmp_path_factory.mktemp("scenes"), key=KEY) as found:
        yield found


@pytest.fixture
def engine(address: str, monkeypatch: pytest.MonkeyPatch) -> NNInteractive:
    monkeypatch.setenv("NN_INTERACTIVE_API_KEY", KEY)
    return NNInteractive(address)


def test_outlines_are_answered_as_the_server_does_it(engine: NNInteractive) -> None:
    found = engine.prepare(SCAN).predict(DRAWING)
    assert codes_of(found.remarks) == {"yes-or-no"}
    answer = assemble_labels(found, DRAWING)
    # The server asks its own engine for one structure at a time.
    own = assemble_labels(Interpolation().prepare(SCAN).predict(DRAWING), DRAWING)
    for value in (1, 2):
        assert dice(answer, own, value) > 0.97


def test_scribbles_reach_the_server(engine: NNInteractive) -> None:
    drawing = annotate(PHANTOM, scribbled(PHANTOM))
    answer = assemble_labels(engine.prepare(SCAN).predict(drawing), drawing)
    for value in (1, 2):
        assert dice(answer, PHANTOM.truth, value) > 0.6


def test_where_it_is_not_reaches_the_server(engine: NNInteractive) -> None:
    # Without that the server goes on beyond the last drawn slice.
    named = annotate(PHANTOM, PHANTOM.sparse(AXIS, 9, 10), ((AXIS, 12),))
    further = annotate(PHANTOM, PHANTOM.sparse(AXIS, 9, 10))
    prepared = engine.prepare(SCAN)
    beyond = [prepared.predict(each) for each in (further, named)]
    sums = [float(each.probability[1:, :, :, 13 - each.region.start[2]].sum()) for each in beyond]
    assert sums[0] > 50
    assert sums[1] < 0.2 * sums[0]


def test_a_structure_that_is_not_drawn_is_not_answered(engine: NNInteractive) -> None:
    drawing = DRAWING.with_values((1, 2, 5))
    found = engine.prepare(SCAN).predict(drawing)
    assert found.values == (0, 1, 2, 5)
    assert not found.probability[3].any()
    assert codes_of(found.remarks) == {"yes-or-no", "no-example"}
    blank = blank_annotation(np.zeros_like(PHANTOM.truth), AXIS, (1,))
    assert not engine.prepare(SCAN).predict(blank).probability[1].any()


def test_the_wrong_key(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NN_INTERACTIVE_API_KEY", "guessed")
    with pytest.raises(ServerError, match=r"wants a key \(401\); .* NN_INTERACTIVE_API_KEY"):
        NNInteractive(address).prepare(SCAN).predict(DRAWING)


def test_all_sessions_taken(engine: NNInteractive) -> None:
    from fewslice.engines.nninteractive.connection import connected

    assert engine.server is not None
    with (
        connected(engine.server, 60),
        connected(engine.server, 60),
        pytest.raises(ServerError, match=r"gives no session \(.*\); ask again"),
    ):
        engine.prepare(SCAN).predict(DRAWING)
    assert engine.prepare(SCAN).predict(DRAWING).values == (0, 1, 2)  # they were given back


class Page(BaseHTTPRequestHandler):
    """Some other server: it answers everything with a page."""

    status = 200

    def do_POST(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    do_GET = do_POST  # noqa: N815 - as http.server calls it

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (200, "is no nnInteractive server of this protocol"),
        (404, "is no nnInteractive server .404 for /claim"),
        (500, "refused /claim with 500 .<html>hello</html>"),
    ],
)
def test_another_server(status: int, said: str) -> None:
    handler = type("Handler", (Page,), {"status": status})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            engine = NNInteractive(f"http://127.0.0.1:{server.server_port}")
            with pytest.raises(ServerError, match=said) as caught:
                engine.prepare(SCAN).predict(DRAWING)
        finally:
            server.shutdown()
            thread.join()
    assert "\n" not in str(caught.value)


def test_no_server_at_all() -> None:
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        port = server.server_port  # free again afterwards
    with pytest.raises(ServerError, match=f"No server answers at http://127.0.0.1:{port}"):
        NNInteractive(f"http://127.0.0.1:{port}").prepare(SCAN).predict(DRAWING)


@pytest.mark.parametrize("address", ["localhost:1527", "ftp://a", "http://", "http://a:99999"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(InputError, match="is no address of a server; write it like http"):
        NNInteractive(address).prepare(SCAN).predict(DRAWING)
