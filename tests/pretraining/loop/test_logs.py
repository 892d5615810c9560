"""Tables and event files of a run, also of one that goes on."""

from __future__ import annotations

import json
from pathlib import Path

from fewslice.pretraining.loop.logs import Logs, write_run


def test_rows_of_both_tables(tmp_path: Path) -> None:
    logs = Logs(tmp_path, 0, tensorboard=False)
    logs.step(10, loss=1.25, lr=0.001, seconds=12.34, busy=0.95)
    logs.validation(10, 13.0, {"shapes": [0.5, 1.0], "layers": [0.9]})
    logs.close()
    assert (tmp_path / "log.csv").read_text().splitlines() == [
        "step,loss,lr,seconds,busy",
        "10,1.250000,0.001,12.3,0.950",
    ]
    assert (tmp_path / "validation.csv").read_text().splitlines() == [
        "step,seconds,kind,episodes,dice",
        "10,13.0,layers,1,0.90000",
        "10,13.0,shapes,2,0.75000",
        "10,13.0,all,3,0.80000",
    ]
    assert not (tmp_path / "events").exists()


def test_a_run_that_goes_on_drops_what_it_does_again(tmp_path: Path) -> None:
    logs = Logs(tmp_path, 0, tensorboard=False)
    for step in (10, 20, 30):
        logs.step(step, loss=1, lr=1, seconds=1, busy=1)
    with (tmp_path / "log.csv").open("a") as stream:
        stream.write("4")  # cut off by a crash
    Logs(tmp_path, 20, tensorboard=False).step(30, loss=2, lr=1, seconds=1, busy=1)
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert [row.split(",")[:2] for row in rows[1:]] == [
        ["10", "1.000000"],
        ["20", "1.000000"],
        ["30", "2.000000"],
    ]


def test_event_files_hold_the_same(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
        EventAccumulator,
    )

    logs = Logs(tmp_path, 0, tensorboard=True)
    logs.step(10, loss=1.25, lr=0.5, seconds=1, busy=0.75)
    logs.validation(10, 2, {"a": [0.5]})
    logs.close()
    events = EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    read = {
        name: (events.Scalars(name)[0].step, events.Scalars(name)[0].value)
        for name in events.Tags()["scalars"]
    }
    assert read == {
        "training/loss": (10, 1.25),
        "training/learning rate": (10, 0.5),
        "training/busy": (10, 0.75),
        "validation/a": (10, 0.5),
        "validation/all": (10, 0.5),
    }


def test_run_json(tmp_path: Path) -> None:
    write_run(tmp_path, {"seed": 3})
    assert json.loads((tmp_path / "run.json").read_text()) == {"seed": 3}
