"""A bank on disk: what goes in comes out."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.pretraining_tasks import bank_of, nnunet_folder, task

from fewslice.errors import InputError, ReadError
from fewslice.pretraining.tasks.bank import (
    INDEX,
    Bank,
    Entry,
    build_bank,
    load_task,
    open_bank,
    save_task,
)
from fewslice.pretraining.tasks.sources import ScanSource, SourceSettings
from fewslice.pretraining.tasks.tasks import Task

SOURCES = SourceSettings(
    (ScanSource("balls", "Dataset900_Balls", tasks=4, validation=2),), seed=5, processes=1
)


def assert_same_task(one: Task, other: Task, precision: float) -> None:
    np.testing.assert_array_equal(one.truth, other.truth)
    for field in fields(one.features):
        a, b = getattr(one.features, field.name), getattr(other.features, field.name)
        np.testing.assert_allclose(a, b, rtol=precision, atol=precision, err_msg=field.name)
        assert type(a) is type(b)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype, field.name
    assert (one.kind, one.group, one.scan) == (other.kind, other.group, other.scan)


def test_a_task_comes_back_at_half_precision(tmp_path: Path) -> None:
    made = task(3, group="made/0/1,2", scan="here")
    save_task(tmp_path / "one.npz", made)
    entry = Entry("one.npz", "train", "made", "made/0/1,2", "here")
    found = load_task(tmp_path / "one.npz", entry)
    assert_same_task(found, made, 2e-3)
    assert found.features.positions == (1, 4)
    assert found.features.step == made.features.step  # exactly
    again = tmp_path / "two.npz"
    save_task(again, found)
    assert_same_task(load_task(again, entry), found, 0)


def test_a_task_with_no_annotated_slice_of_its_axis(tmp_path: Path) -> None:
    made = task()
    features = replace(made.features, positions=(), outlines=made.features.outlines[:0])
    save_task(tmp_path / "one.npz", replace(made, features=features))
    found = load_task(tmp_path / "one.npz", Entry("one.npz", "train", "made", "", "scan0"))
    assert found.features.positions == ()
    assert found.features.outlines.shape == (0, 2, 20, 24)


def test_entries_by_kind_and_group(tmp_path: Path) -> None:
    entries = tuple(
        Entry(f"{at}.npz", part, kind, group, f"scan{at}")
        for at, (part, kind, group) in enumerate(
            [
                ("train", "ct", "ct/0/1"),
                ("train", "mr", "mr/0/1"),
                ("train", "ct", "ct/0/1"),
                ("validation", "oct", "ct/0/1"),
            ]
        )
    )
    bank = Bank(tmp_path, entries)
    assert bank.kinds("train") == ("ct", "mr")
    assert bank.kinds("validation") == ("oct",)
    assert bank.by_kind["train", "ct"] == (entries[0], entries[2])
    assert bank.by_group["train", "ct/0/1"] == (entries[0], entries[2])
    assert bank.by_group["validation", "ct/0/1"] == (entries[3],)


def test_a_bank_is_built_once_and_the_same_each_time(tmp_path: Path) -> None:
    data = nnunet_folder(tmp_path)
    done: list[float] = []
    one = build_bank(tmp_path / "one", data, SOURCES, done.append)
    assert done == sorted(done)
    assert done[-1] == 1
    assert Counter(entry.part for entry in one.entries) == {"train": 4, "validation": 2}
    other = build_bank(tmp_path / "other", data, SOURCES)
    assert other.entries == one.entries == open_bank(tmp_path / "one").entries
    for entry in one.entries:
        assert_same_task(one.load(entry), other.load(entry), 0)
    changed = (tmp_path / "one" / INDEX).stat().st_mtime_ns
    again = build_bank(tmp_path / "one", tmp_path / "gone", replace(SOURCES, processes=2))
    assert again.entries == one.entries
    assert (tmp_path / "one" / INDEX).stat().st_mtime_ns == changed
    with pytest.raises(InputError, match="made from other sources than asked for"):
        build_bank(tmp_path / "one", data, replace(SOURCES, seed=6))


def test_mistakes_in_processes_arrive_as_sentences(tmp_path: Path) -> None:
    data = nnunet_folder(tmp_path)
    for path in (data / "Dataset900_Balls" / "labelsTr").iterdir():
        path.write_bytes(b"no scan")
    with pytest.raises(ReadError, match=r"case\d\.nii\.gz"):
        build_bank(tmp_path / "new", data, replace(SOURCES, processes=2))
    assert not (tmp_path / "new" / INDEX).exists()


def test_mistakes_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="holds no bank of training tasks"):
        open_bank(tmp_path / "none")
    with pytest.raises(ReadError, match="holds no label map"):
        build_bank(tmp_path / "new", tmp_path, SOURCES)
    assert not (tmp_path / "new").exists()
    bank = bank_of(tmp_path, [task()])
    with np.load(tmp_path / "0.npz") as arrays:
        fewer = {name: arrays[name] for name in arrays.files if name != "moves"}
    np.savez(tmp_path / "0.npz", **fewer)
    with pytest.raises(ReadError, match="is a training task of another version of fewslice"):
        bank.load(bank.entries[0])
    (tmp_path / "0.npz").write_bytes(b"PK\3\4 not an archive")
    with pytest.raises(ReadError, match=r"0\.npz is no training task that can be read"):
        bank.load(bank.entries[0])
    (tmp_path / "0.npz").unlink()
    with pytest.raises(ReadError, match=r"0\.npz is no training task that can be read"):
        bank.load(bank.entries[0])
    (tmp_path / INDEX).write_text('{"entries": [')
    with pytest.raises(ReadError, match="holds no bank of training tasks"):
        open_bank(tmp_path)
    with pytest.raises(ReadError, match="holds no bank of training tasks"):
        build_bank(tmp_path, tmp_path, SOURCES)
