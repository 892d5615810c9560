"""The reader of damaged files: every fault is noticed, and tables add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from benchmarks.mutated_files import OUTCOMES, Outcome, listing, note, outcome, table
from benchmarks.mutation_samples import Sample

from fewslice.errors import ReadError
from fewslice.io import write_image
from tests.support.volume_samples import image

pytest.importorskip("eyepy")


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    path = tmp_path / "a.nii"
    write_image(path, image())
    return Sample(".nii", path, (path,))


def raising(error: BaseException, cause: BaseException | None = None) -> Callable[..., NoReturn]:
    def read(*_: object) -> NoReturn:
        raise error from cause

    return read


def test_a_whole_file_is_a_volume_and_a_short_one_is_refused(sample: Sample) -> None:
    assert outcome(sample) == Outcome("volume")
    sample.path.write_bytes(sample.path.read_bytes()[:-1])
    found = outcome(sample)
    assert found.kind == "refused"
    assert "truncated" in found.told


@pytest.mark.parametrize(
    ("error", "cause", "kind"),
    [
        (ValueError("a"), None, "traceback"),
        (ReadError("This sentence names no file."), None, "sentence"),
        (ReadError("{path} is damaged;\nsee there."), None, "sentence"),
        (ReadError("{path} is damaged"), None, "sentence"),
        (ReadError("{path} does not fit into memory."), MemoryError(), "memory"),
        (ReadError("{path} is damaged."), None, "refused"),
    ],
)
def test_faults_are_told_apart(
    sample: Sample,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    cause: Exception | None,
    kind: str,
) -> None:
    told = type(error)(str(error).replace("{path}", str(sample.path)))
    monkeypatch.setattr("fewslice.io.read_image", raising(told, cause))
    assert outcome(sample).kind == kind


def test_voxels_that_are_no_numbers_are_a_fault(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = image(dtype="float32")
    volume.array[0, 0, 0] = np.nan
    monkeypatch.setattr("fewslice.io.read_image", lambda path: volume)
    assert outcome(sample).kind == "traceback"


def test_what_is_written_beside_a_file_is_noticed(sample: Sample) -> None:
    before = listing(sample.path.parent)
    (sample.path.parent / "b").touch()
    assert listing(sample.path.parent) != before


def test_tables_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    found: dict[str, Counter[str]] = {}
    note(found, ".nii", Outcome("volume", memory=3), "(0, 0)")
    note(found, ".nii", Outcome("refused", "no", "a warning", 5), "(0, 1)")
    note(found, ".mha", Outcome("crash"), "(1, 0)")
    rows = table(found)
    assert rows[0] == ["reader", "files", *OUTCOMES, "printed", "most MB"]
    assert rows[1] == [".mha", "1", *"00000010", "0", "0"]
    assert rows[2] == [".nii", "2", *"11000000", "1", "5"]
    assert rows[3] == ["all", "3", *"11000010", "1", "5"]
    assert ".mha (1, 0): crash" in capsys.readouterr().out
