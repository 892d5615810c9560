"""`fewslice train`, `fewslice models` and `fewslice segment --model` as people run them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fewslice.cli.main import run
from fewslice.io import read_labels
from tests.support.sparse_scans import files


def arguments(folder: Path, *more: str) -> list[str]:
    images, labels = folder / "imagesTr", folder / "sparse"
    where = ["--images", str(images), "--labels", str(labels), "--model", str(folder / "m")]
    return ["train", *where, "--steps", "2", *more]


@pytest.mark.slow
def test_from_annotation_to_a_segmentation_and_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, labels = files(tmp_path)
    assert run(arguments(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert "Trained     2 steps" in shown
    assert "Held out    1 slice: Dice" in shown
    assert "Version     0001" in shown
    scan, drawn = images / "case0_0000.nii.gz", labels / "case0.nii.gz"
    pair = f"{scan}={drawn}"
    assert run(["train", pair, "--model", str(tmp_path / "m"), "--steps", "40"]) == 0
    assert run(["models", str(tmp_path / "m")]) == 0
    shown = capsys.readouterr().out
    assert "0002" in shown
    output = tmp_path / "out.nii.gz"
    command = ["segment", str(scan), "--model", str(tmp_path / "m"), "-o", str(output)]
    assert run(command) == 0
    assert "Engine      model" in capsys.readouterr().out
    assert set(np.unique(read_labels(output).array)) <= {0, 1, 2}
    assert run([*command, "--labels", str(drawn), "--quiet"]) == 0
    given = read_labels(drawn).array
    assert np.array_equal(read_labels(output).array[given > 0], given[given > 0])


@pytest.mark.slow
def test_scans_that_do_better_answer_and_that_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, _ = files(tmp_path, 5)
    assert run(arguments(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert "answer" in shown
    assert "Dice on 1 held-out scan: model" in shown
    assert "holds parts of 4 scans" in shown
    assert run(["models", str(tmp_path / "m")]) == 0
    chosen = capsys.readouterr().out.split()[-2]
    assert chosen in ("support", "mean")
    many = ["segment-many", str(images), "--model", str(tmp_path / "m"), "-o", str(tmp_path / "o")]
    for name in ("case0", "case1", "case2"):
        (images / f"{name}_0000.nii.gz").unlink()
    assert run([*many, "--workers", "1"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("Dice on 1 held-out scan: model") == 1
    assert shown.count("case3") == shown.count("case4") > 0


@pytest.mark.slow
def test_without_support_no_scan_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files(tmp_path, 5)
    assert run(arguments(tmp_path, "--no-support")) == 0
    assert "answer" not in capsys.readouterr().out
    assert not list((tmp_path / "m").rglob("support.npz"))


@pytest.mark.slow
def test_rollback_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files(tmp_path)
    run(arguments(tmp_path, "--quiet"))
    folder = tmp_path / "m"
    (folder / "versions/0001").rename(folder / "versions/0002")
    assert run(["models", str(folder), "--rollback"]) == 2
    assert "no earlier promotion" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["train", "--model", "m"], "nothing to learn from"),
        (["train", "a", "--model", "m"], "write SCAN=LABELS"),
        (["train", "--images", "a", "--model", "m"], "belong together"),
        (["train", "a=b", "--model", "m"], "no annotation to learn from"),
        (["models", "nowhere"], "holds no models"),
    ],
)
def test_mistakes_are_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(given) == 2
    shown = capsys.readouterr().err
    assert sentence in shown
    assert shown.count("\n") == 1


def test_a_model_takes_no_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, _ = files(tmp_path, 1)
    command = ["segment", str(images / "case0_0000.nii.gz"), "-o", str(tmp_path / "o.nii.gz")]
    assert run([*command, "--model", str(tmp_path), "--engine", "finetuned"]) == 2
    assert "leave out --engine" in capsys.readouterr().err
    assert run([*command, "--model", str(tmp_path)]) == 2
    assert "holds no promoted model" in capsys.readouterr().err
    assert not (tmp_path / "o.nii.gz").exists()


@pytest.mark.slow
def test_ctrl_c_leaves_a_state_to_go_on_from(tmp_path: Path) -> None:
    files(tmp_path, 1)
    more = [part if part != "2" else "100000" for part in arguments(tmp_path)]
    # Signals that are ignored stay ignored in children: where the suite runs detached, too.
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    code = f"{start} from fewslice.cli.main import main; main({more!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    slices = tmp_path / "m"
    while not slices.exists() and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted at step" in shown
    assert "--resume" in shown
    assert (tmp_path / "m/unfinished.safetensors").exists()
    assert not (tmp_path / "m/promoted").exists()


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*start, "-m", "fewslice", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        check=False,
    )


@pytest.mark.slow
def test_under_torchrun_two_processes_train_one_model(tmp_path: Path) -> None:
    files(tmp_path)
    done = torchrun(*arguments(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Trained     2 steps") == 1
    assert [path.name for path in (tmp_path / "m/versions").iterdir()] == ["0001"]
    assert (tmp_path / "m/promoted").read_text() == "1\n"
