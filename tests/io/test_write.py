"""Writing: whole or not at all."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fewslice.errors import InputError, WriteError
from fewslice.io import (
    atomic_path,
    read_image,
    read_labels,
    require_writable,
    write_image,
    write_labels,
)
from fewslice.volumes import Geometry, Image, LabelMap
from tests.support.volume_samples import SUFFIXES, image

every_format = pytest.mark.parametrize("suffix", SUFFIXES)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def fail(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


@every_format
@pytest.mark.parametrize("moment", ["os.replace", "os.fsync"])
def test_a_crash_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, moment: str
) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, image())
    before = files(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(moment, fail)
        with pytest.raises(WriteError, match="No space left") as caught:
            write_image(path, image(dtype="float32"))
    assert str(tmp_path / "a") in str(caught.value)
    assert files(tmp_path) == before


@every_format
def test_a_failure_in_the_middle_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, image())
    before = files(tmp_path)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limit[1]))  # as a disk that gets full
    try:
        with pytest.raises(WriteError) as caught:
            write_image(path, image(shape=(40, 40, 40), dtype="float32"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, old)
    assert str(tmp_path / "a") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert files(tmp_path) == before


@every_format
def test_an_interruption_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    path = tmp_path / f"a{suffix}"
    write_image(path, image())
    before = files(tmp_path)
    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_image(path, image(dtype="float32"))
    assert files(tmp_path) == before


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
def test_a_crash_between_data_and_header_leaves_the_old_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, image())
    before = files(tmp_path)
    replace = os.replace

    def second_fails(source: Path, target: Path) -> None:
        if Path(target) == path:
            fail()
        replace(source, target)

    monkeypatch.setattr("os.replace", second_fails)
    with pytest.raises(WriteError):
        write_image(path, image(dtype="float32"))
    assert files(tmp_path) == before


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
def test_data_files_of_others_are_never_touched(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "a.raw").write_bytes(b"not ours")
    path = tmp_path / f"a{suffix}"
    for dtype in ("int16", "float32", "uint8"):
        write_image(path, image(dtype=dtype))
        assert read_image(path).array.dtype == dtype
        assert (tmp_path / "a.raw").read_bytes() == b"not ours"
        assert len(files(tmp_path)) == 3  # old data files of the pair itself are removed


@pytest.mark.parametrize(("suffix", "name"), [(".mhd", "a\nb"), (".nhdr", os.fsdecode(b"\xff"))])
def test_a_name_that_a_header_cannot_hold_is_refused(
    tmp_path: Path, suffix: str, name: str
) -> None:
    path = tmp_path / f"{name}{suffix}"
    path.write_bytes(b"old")
    with pytest.raises(WriteError, match="header cannot hold the name"):
        write_image(path, image())
    assert files(tmp_path) == {path.name: b"old"}


@pytest.mark.slow
def test_a_killed_process_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    write_image(path, image())
    before = path.read_bytes()
    # The system kills it as soon as a file of its own grows beyond 10 kB: in the midst of writing.
    code = (
        "import resource, signal, sys, numpy as np\n"
        "from fewslice.io import write_image\n"
        "from fewslice.volumes import Geometry, Image\n"
        "array = np.random.default_rng(0).integers(0, 9, (100, 100, 50)).astype(np.int16)\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "write_image(sys.argv[1], Image(array, Geometry.from_spacing(array.shape)))\n"
    )
    killed = subprocess.run([sys.executable, "-B", "-c", code, str(path)], check=False)
    assert killed.returncode == -signal.SIGXFSZ
    assert path.read_bytes() == before
    (left,) = (name for name in files(tmp_path) if name != path.name)
    assert left.startswith(".fewslice-")
    assert 0 < (tmp_path / left).stat().st_size <= 10_000


def test_the_yielded_path_is_next_to_the_target_with_its_suffix(tmp_path: Path) -> None:
    for name in ("a.json", "b.nii.gz", "c"):
        with atomic_path(tmp_path / name) as temporary:
            assert temporary.parent == tmp_path
            assert temporary.name.endswith(name[1:])
            temporary.write_text("new")
        assert (tmp_path / name).read_text() == "new"
    assert len(files(tmp_path)) == 3


def test_an_error_in_the_body_is_passed_on(tmp_path: Path) -> None:
    def write_half() -> None:
        with atomic_path(tmp_path / "a.json") as temporary:
            temporary.write_text("new")
            raise ValueError("mine")

    (tmp_path / "a.json").write_text("old")
    with pytest.raises(ValueError, match="mine"):
        write_half()
    assert files(tmp_path) == {"a.json": b"old"}


def test_permissions_are_those_of_the_old_file_or_the_usual_ones(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    write_image(tmp_path / "a.nii", image())
    assert (tmp_path / "a.nii").stat().st_mode == usual.stat().st_mode
    (tmp_path / "a.nii").chmod(0o640)
    write_image(tmp_path / "a.nii", image())
    assert stat.S_IMODE((tmp_path / "a.nii").stat().st_mode) == 0o640


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "a.nii").symlink_to(tmp_path / "real" / "b.nii")
    write_image(tmp_path / "a.nii", image())
    assert (tmp_path / "a.nii").is_symlink()
    assert read_image(tmp_path / "real" / "b.nii").array.shape == (5, 6, 7)


def test_a_link_to_a_name_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").symlink_to(tmp_path / "b.dat")
    with pytest.raises(WriteError, match=r"a\.nii\.gz is a link to b\.dat"):
        write_image(tmp_path / "a.nii.gz", image())


@pytest.mark.parametrize("name", ["a.nii", "a.mhd"])
def test_a_missing_folder_or_a_file_as_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    for folder in ("missing", "file"):
        path = tmp_path / folder / name
        for attempt in (lambda p: write_image(p, image()), require_writable):
            with pytest.raises(WriteError, match=r"does not exist") as caught:
                attempt(path)
            assert str(path) in str(caught.value)


def test_a_folder_that_is_not_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", denied)  # root may write everywhere
    with pytest.raises(WriteError, match="not writable"):
        require_writable(tmp_path / "a.nii")


@pytest.mark.parametrize("name", ["a.dcm", "a.png", "a", "a.gz"])
def test_an_unknown_suffix_lists_the_known_ones(tmp_path: Path, name: str) -> None:
    for attempt in (lambda p: write_image(p, image()), require_writable):
        with pytest.raises(WriteError) as caught:
            attempt(tmp_path / name)
        assert all(suffix in str(caught.value) for suffix in SUFFIXES)
    assert files(tmp_path) == {}


def test_a_folder_or_device_is_no_target(tmp_path: Path) -> None:
    (tmp_path / "a.nii").mkdir()
    with pytest.raises(WriteError, match="is a folder"):
        require_writable(tmp_path / "a.nii")
    os.mkfifo(tmp_path / "b.nii")
    with pytest.raises(WriteError, match="device or pipe"):
        require_writable(tmp_path / "b.nii")


def test_a_protected_file_and_a_name_that_is_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WriteError, match="too long"):
        require_writable(tmp_path / ("a" * 300 + ".nii"))
    (tmp_path / "a.nii").touch()
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(WriteError, match="write-protected"):
        require_writable(tmp_path / "a.nii")


def test_asking_does_not_touch_anything(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    require_writable(path)
    assert not path.exists()
    path.write_text("old")
    before = path.stat().st_mtime_ns
    time.sleep(0.01)
    require_writable(path)
    assert path.stat().st_mtime_ns == before
    assert files(tmp_path) == {"a.nii": b"old"}
    require_writable(tmp_path / "a.json", (".json",))


@every_format
def test_voxels_in_the_order_of_other_machines(tmp_path: Path, suffix: str) -> None:
    for dtype in (">i2", ">f4"):
        volume = image(dtype=dtype)
        write_image(tmp_path / f"a{suffix}", volume)
        assert np.array_equal(read_image(tmp_path / f"a{suffix}").array, volume.array)


def test_types_that_no_format_has(tmp_path: Path) -> None:
    grid = Geometry.from_spacing((2, 2, 2))
    expected = {"bool": "uint8", "float16": "float32", "longdouble": "float64"}
    for dtype, written in expected.items():
        write_image(tmp_path / "a.nii", Image(np.ones((2, 2, 2), dtype), grid))
        assert read_image(tmp_path / "a.nii").array.dtype == written
    with pytest.raises(InputError, match="complex"):
        write_image(tmp_path / "a.nii", Image(np.ones((2, 2, 2), "complex64"), grid))


def test_wide_labels_are_written_small(tmp_path: Path) -> None:
    grid = Geometry.from_spacing((2, 2, 2))
    write_labels(tmp_path / "a.nii", LabelMap(np.full((2, 2, 2), 300, np.uint32), grid))
    assert read_image(tmp_path / "a.nii").array.dtype == np.uint16
    assert read_labels(tmp_path / "a.nii").values == (300,)


def test_what_is_no_volume_is_refused_with_what_to_give(tmp_path: Path) -> None:
    grid = Geometry.from_spacing((2, 3, 4))
    labels = LabelMap(np.zeros((2, 3, 4), np.uint8), grid)
    path: Any = tmp_path / "labels.nii"
    wrong: Any = labels.array
    with pytest.raises(InputError, match=r"of type ndarray; .*LabelMap\(array, scan.geometry\)"):
        write_labels(path, wrong)
    with pytest.raises(InputError, match=r"give its labels \(result.labels\)"):
        write_labels(path, SimpleNamespace(labels=labels))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"expected, after the path, a fewslice\.LabelMap"):
        write_labels(labels, path)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"fewslice.Image\(array, scan.geometry\)"):
        write_image(path, wrong)
    assert not path.exists()
