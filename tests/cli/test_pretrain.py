"""`fewslice pretrain` as people run it: from a configuration to weights, Ctrl-C, and going on."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from fewslice.cli.main import run
from fewslice.networks.weights import load_weights

CONFIG = """
[data]
bank = "{folder}/bank"
workers = 0

[sources]
shapes = 1
validation = 1
processes = 1

[episodes]
side = 32
targets = 2
validation_targets = 2

[network]
widths = [8, 8, 8, 8]
keys = 8
values = 8
heads = 2

[optimisation]
steps = {steps}
episodes_per_step = 1
device = "cpu"

[validation]
every = 1000000
episodes = 1

[output]
folder = "{folder}/out"
log_every = 1
tensorboard = false
"""


def write_config(folder: Path, steps: int) -> Path:
    path = folder / "run.toml"
    path.write_text(CONFIG.format(folder=folder, steps=steps))
    return path


def interrupt_once(log: Path) -> None:
    """Press Ctrl-C when two rows are logged."""
    for _ in range(600):
        if log.exists() and log.read_text().count("\n") > 2:
            os.kill(os.getpid(), signal.SIGINT)
            return
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_run_that_is_interrupted_and_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config, out = write_config(tmp_path, 10**7), tmp_path / "out"
    presser = threading.Thread(target=interrupt_once, args=(out / "log.csv",), daemon=True)
    presser.start()
    assert run(["pretrain", "--config", str(config)]) == 130
    presser.join()
    said = capfd.readouterr()
    assert said.err.startswith("fewslice: Interrupted at step ")
    assert said.err.endswith(f"; go on with --resume {out / 'last.ckpt'}.\n")
    assert said.out == ""
    steps = (out / "log.csv").read_text().count("\n") + 1

    write_config(tmp_path, steps)
    assert run(["pretrain", "--config", str(config)]) == 2
    assert "already holds a training run" in capfd.readouterr().err
    assert run(["pretrain", "--config", str(config), "--resume", str(out / "last.ckpt")]) == 0
    said = capfd.readouterr()
    assert said.err == ""
    assert said.out.startswith(f"Trained {steps} steps; best validation Dice ")
    assert said.out.endswith(f"Wrote {out / 'best.safetensors'}\n")
    assert load_weights(out / "best.safetensors")[0].widths == (8, 8, 8, 8)


def test_what_is_wrong_with_a_configuration_is_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, 3)
    config.write_text(config.read_text().replace("steps = 3", "steps = -3"))
    assert run(["pretrain", "--config", str(config)]) == 2
    expected = f"fewslice: {config}: optimisation.steps is -3; expected greater than or equal to 1."
    assert capfd.readouterr().err == expected + "\n"
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "bank").exists()


def test_a_checkpoint_that_is_not_there(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config, missing = write_config(tmp_path, 3), tmp_path / "none.ckpt"
    assert run(["pretrain", "--config", str(config), "--resume", str(missing)]) == 2
    assert "none.ckpt cannot be read" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("hidden", [("monai",), ("pydantic", "tensorboard")])
def test_without_the_extra_it_says_what_to_install(
    hidden: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name in hidden:
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    assert run(["pretrain", "--config", str(write_config(tmp_path, 3))]) == 2
    shown = capfd.readouterr()
    assert shown.err == (
        f"fewslice: Training needs libraries that are not installed ({', '.join(hidden)}); install "
        'them with: python -m pip install "fewslice[pretrain]".\n'
    )
    assert shown.out == ""
    assert not (tmp_path / "out").exists()
