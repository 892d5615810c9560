"""`fewslice segment` with the engines that learn: their options, and Ctrl-C."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fewslice.cli.main import run
from fewslice.io import read_labels
from tests.support.command_line import SHAPE, refused, save, truth
from tests.support.known_features import weights_file
from tests.support.other_engines import nninteractive_server

DRAWN = (2, 4, 6, 8, 10)

# Ctrl-C, pressed when a function of a module is called for the n-th time.
PRESSED = """
import os, signal, sys
from importlib import import_module
from fewslice.cli.main import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run detached
place, times = sys.argv[1], int(sys.argv[2])
module = import_module(place.rpartition(".")[0])
name = place.rpartition(".")[2]
called, really = 0, getattr(module, name)
def pressed(*given, **named):
    global called
    called += 1
    if called == times:
        os.kill(os.getpid(), signal.SIGINT)
    return really(*given, **named)
setattr(module, name, pressed)
main(sys.argv[3:])
"""


@pytest.fixture
def basic(tmp_path: Path) -> list[str]:
    noise = np.random.default_rng(0).normal(0, 5, SHAPE)
    scan = save(tmp_path / "scan.nii.gz", (100 * truth() + noise).astype(np.float32))
    sparse = np.zeros(SHAPE, np.uint8)
    sparse[..., DRAWN] = truth()[..., DRAWN]
    labels = save(tmp_path / "labels.nii.gz", sparse)
    return ["segment", str(scan), "--labels", str(labels), "-o", str(tmp_path / "out.nii.gz")]


@pytest.mark.slow
def test_the_finetuned_engine_says_its_seconds(
    basic: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    given = [*basic, "--engine", "finetuned", "--seconds", "1.5", "--report", str(report)]
    assert run(given) == 0
    assert capsys.readouterr().err == ""
    written = json.loads(report.read_text())
    assert written["engine"] == "finetuned"
    assert written["engine_options"] == {"seconds": 1.5}


def test_other_weights_make_another_answer(basic: list[str], tmp_path: Path) -> None:
    weights = str(weights_file(tmp_path, random=True))
    out, answers = tmp_path / "out.nii.gz", []
    for given in ([], ["--weights", weights]):
        assert run([*basic, "--engine", "network", "--quiet", *given]) == 0
        answers.append(read_labels(out).array)
    assert not np.array_equal(answers[0], answers[1])


@pytest.mark.slow
def test_a_server_is_asked_and_named_in_the_report(basic: list[str], tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    (tmp_path / "scenes").mkdir()
    with nninteractive_server(tmp_path / "scenes") as address:
        given = ["--engine", "nninteractive", "--server", address, "--report", str(report)]
        assert run([*basic, *given, "--quiet"]) == 0
    written = json.loads(report.read_text())
    assert written["engine"] == "nninteractive"
    assert written["engine_options"] == {"server": address}
    assert any("yes or no" in remark for remark in written["remarks"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--engine", "interpolation", "--weights", "{w}"], "no use for a file of weights; leave"),
        (
            ["--engine", "random-walker", "--weights", "{w}"],
            "choose auto, network, finetuned, universeg, torchscript or monai-bundle.",
        ),
        (["--engine", "network", "--seconds", "9"], "no use for seconds to fine-tune in; leave"),
        (["--engine", "finetuned", "--seconds", "0"], "0 seconds are no time"),
        (["--engine", "finetuned", "--seconds", "nan"], "nan seconds are no time"),
        (["--engine", "finetuned", "--seconds", "soon"], "'soon' is not a valid float"),
        (["--engine", "network", "--weights", "{folder}/scan.nii.gz"], "no safetensors file"),
        (["--engine", "network", "--weights", "{folder}/none.safetensors"], "cannot be read"),
        (["--engine", "universeg"], "needs weights in UniverSeg's format"),
        (["--engine", "universeg", "--weights", "{folder}/none.pt"], "none.pt does not exist"),
        (["--engine", "universeg={folder}/scan.nii.gz"], "is no file of torch.save"),
        (["--engine", "universeg={w}"], "0 encoder and 0 decoder blocks of UniverSeg"),
        (["--engine", "universeg={w}", "--weights", "{w}"], "leave one of them out"),
        (["--engine", "network", "--server", "http://a"], "no use for the address of a server"),
        (["--engine", "nninteractive"], "needs the address of a server"),
        (["--engine", "nninteractive=localhost:1527"], "is no address of a server"),
        (["--engine", "torchscript={folder}/none.pt"], "none.json does not exist; write there"),
        (["--engine", "monai-bundle={folder}"], "is no MONAI bundle"),
    ],
)
def test_options_that_cannot_be_are_refused_and_change_nothing(
    given: list[str],
    said: str,
    basic: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    weights = weights_file(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    filled = [text.format(w=weights, folder=tmp_path) for text in given]
    assert said in refused([*basic, *filled], capsys)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def interrupted(place: str, times: int, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PRESSED, place, str(times), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "times"),
    [
        ("fewslice.engines.network.leave_one_out.find_features", 2),
        ("fewslice.engines.network.finetune._step", 3),
    ],
)
def test_ctrl_c_while_it_fine_tunes_ends_only_that(
    place: str, times: int, basic: list[str], tmp_path: Path
) -> None:
    given = [*basic, "--engine", "finetuned", "--seconds", "300"]
    done = interrupted(place, times, given)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Fine-tuning was interrupted; the best state until then answered." in done.stdout
    assert read_labels(tmp_path / "out.nii.gz").values == (1,)


@pytest.mark.slow
@pytest.mark.parametrize(
    "place",
    ["fewslice.engines.network.engine.completed_odds", "fewslice.reporting.outputs.write_labels"],
)
def test_ctrl_c_otherwise_ends_all_and_leaves_nothing_half_written(
    place: str, basic: list[str], tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    report = ["--report", str(tmp_path / "report.json")]
    done = interrupted(place, 1, [*basic, "--engine", "network", *report])
    assert done.returncode == 130
    # The line of the "^C" is ended first.
    assert done.stderr == "\nfewslice: Interrupted before it was finished.\n"
    assert done.stdout == ""
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
