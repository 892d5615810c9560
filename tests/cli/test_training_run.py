"""Stopping when asked to: once politely, the second time at once, under torchrun a little later."""

from __future__ import annotations

import signal
import time

import pytest

from fewslice.cli.training_run import asked_to_stop, training_bar


def test_the_second_ctrl_c_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    before = signal.getsignal(signal.SIGINT)
    with asked_to_stop() as stop:
        assert not stop()
        signal.raise_signal(signal.SIGINT)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.slow
def test_under_torchrun_one_ctrl_c_that_arrives_twice_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RANK", "1")
    with asked_to_stop() as stop:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert stop()
        time.sleep(2.1)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_only_the_first_process_shows_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    shown = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        with training_bar(quiet=False) as report:
            report(0.5, "loss 1.000")
        shown.append(capsys.readouterr().err)
    assert "Training" in shown[0]
    assert shown[1] == ""
