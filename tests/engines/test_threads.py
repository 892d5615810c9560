"""Independent pieces in threads: in order, as many as may be, and given up at once."""

from __future__ import annotations

from threading import Barrier, Event, get_ident

import pytest

from fewslice.engines.threads import in_threads, thread_count


@pytest.mark.parametrize("count", ["1", "3"])
def test_results_come_in_the_order_of_the_pieces(
    count: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", count)
    assert list(in_threads(lambda piece: piece * piece, range(7))) == [0, 1, 4, 9, 16, 25, 36]
    assert list(in_threads(lambda piece: piece, [])) == []


def test_pieces_are_worked_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    both = Barrier(2, timeout=30)  # passed only if two pieces wait for each other

    def work(_: int) -> int:
        both.wait()
        return get_ident()

    assert len(set(in_threads(work, range(2)))) == 2


def test_a_failure_reaches_whoever_asked_and_drops_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    go, begun = Event(), []

    def work(piece: int) -> int:
        begun.append(piece)
        if piece == 0:
            raise ValueError("no")
        go.wait(0.2)
        return piece

    with pytest.raises(ValueError, match="no"):
        list(in_threads(work, range(50)))
    assert len(begun) < 50


def test_the_number_of_threads_is_what_was_set_but_few(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, expected in (("1", 1), ("3", 3), ("64", 4)):
        monkeypatch.setenv("OMP_NUM_THREADS", given)
        assert thread_count() == expected
    for given in ("", "many", "0"):
        monkeypatch.setenv("OMP_NUM_THREADS", given)
        assert 1 <= thread_count() <= 4
