"""`fewslice suggest-pool`: scans and slices of a pool, by a model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fewslice.cli.main import run
from fewslice.cli.suggest_pool import PoolRequest, pool_scans, suggest_pool
from fewslice.errors import ReadError
from fewslice.io import read_labels, write_labels
from fewslice.volumes import LabelMap
from fewslice.volumes.orientation import Turn
from tests.support.scan_pools import write_drawn, write_model, write_scan


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> PoolRequest:
    """Two scans and one that cannot be read; slices 2 and 4 of b are annotated."""
    folder = tmp_path_factory.mktemp("pool")
    for number, name in enumerate("abc"):
        write_scan(folder / "data" / "imagesTr", name, number)
    (folder / "data" / "imagesTr" / "c_0000.nii.gz").write_bytes(b"nothing")
    labels = write_drawn(folder / "labels", "b", 2, 4).parent
    write_drawn(labels, "nobody", 2)
    model = write_model(folder / "model")
    return PoolRequest(folder / "data", model, 3, labels, workers=1, strategy="bald")


def test_lines(request_: PoolRequest, capsys: pytest.CaptureFixture[str]) -> None:
    suggest_pool(request_)
    out, err = capsys.readouterr()
    *items, last = out.splitlines()
    assert len(items) == 3
    assert all(line[0] in "ab" and "  axial " in line for line in items)
    assert last == "The best of the pool of 2 scans (1 more could not be used), first things first."
    stray, failure = err.splitlines()
    assert stray == "The labels of nobody belong to no scan of the pool."
    assert failure.startswith("c was left out: ")


def test_the_command(request_: PoolRequest, capsys: pytest.CaptureFixture[str]) -> None:
    given = [str(request_.pool), "--model", str(request_.model), "--labels", str(request_.labels)]
    code = run(["suggest-pool", *given, "-n", "3", "--strategy", "bald", "--workers", "1"])
    assert code == 0
    out = capsys.readouterr().out
    suggest_pool(request_)
    assert out == capsys.readouterr().out
    assert run(["suggest-pool", str(request_.pool)]) == 2
    assert "--model" in capsys.readouterr().err


def test_json(request_: PoolRequest, capsys: pytest.CaptureFixture[str]) -> None:
    suggest_pool(replace(request_, count=100, as_json=True))
    found = json.loads(capsys.readouterr().out)
    assert (found["scans"], found["slices"], found["open"]) == (2, 14, 12)
    places = [(item["case"], item["plane"], item["index"]) for item in found["items"]]
    assert len(set(places)) == len(places) == 12
    assert ("b", "axial", 2) not in places
    assert list(found["skipped"]) == ["c"]


def test_whole_scans_and_the_same_again(
    request_: PoolRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for _ in range(2):
        suggest_pool(replace(request_, what="scans", strategy="default", seed=3))
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert {line.split()[0] for line in said[0].splitlines()[:2]} == {"a", "b"}


def test_a_folder_of_scans_will_do(request_: PoolRequest, tmp_path: Path) -> None:
    names = [scan.name for scan in pool_scans(request_.pool / "imagesTr")]
    assert names == [scan.name for scan in pool_scans(request_.pool)] == ["a", "b", "c"]
    with pytest.raises(ReadError, match="holds no promoted model"):
        suggest_pool(replace(request_, model=tmp_path))


def test_remarks_on_scans_and_labels(
    request_: PoolRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = read_labels(write_drawn(tmp_path / "as_scans", "b", 2, 4))
    turn = Turn((2, 0, 1), (True, False, True))
    (tmp_path / "labels").mkdir()
    turned = LabelMap(turn.array(drawn.array), turn.geometry(drawn.geometry))
    write_labels(tmp_path / "labels" / "b.nrrd", turned)
    suggest_pool(replace(request_, labels=tmp_path / "labels"))
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("b: ")
    assert "in another order" in said
    suggest_pool(replace(request_, labels=tmp_path / "labels", as_json=True, quiet=True))
    found = json.loads(capsys.readouterr().out)["remarks"]
    assert [list(found), len(found["b"])] == [["b"], 1]
