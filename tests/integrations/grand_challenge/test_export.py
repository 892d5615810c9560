"""The build context: complete, non-root, and its own test job runs from what is in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

from fewslice.errors import InputError
from fewslice.integrations.grand_challenge.__main__ import main
from fewslice.integrations.grand_challenge.export import Way, export_context
from fewslice.integrations.grand_challenge.sockets import Sockets


@pytest.mark.parametrize("way", ["exec", "invoke"])
def test_the_dockerfile_copies_what_is_there(tmp_path: Path, way: Way) -> None:
    folder = export_context(tmp_path / "context", way=way)
    parser = DockerfileParser(str(folder / "Dockerfile"))
    steps = [(each["instruction"], each["value"]) for each in parser.structure]
    for instruction, value in steps:
        if instruction == "COPY":
            *sources, _ = [word for word in value.split() if not word.startswith("--")]
            assert all((folder / source).exists() for source in sources)
    users = [value for instruction, value in steps if instruction == "USER"]
    assert users == ["user"]
    assert steps[-1][0] == "ENTRYPOINT"
    assert json.loads(steps[-1][1]) == [
        "python",
        "-m",
        "fewslice.integrations.grand_challenge",
        way,
    ]
    assert parser.labels == {"org.grand-challenge.api-method": way}
    assert [value for instruction, value in steps if instruction == "EXPOSE"] == (
        ["4743"] if way == "invoke" else []
    )
    assert parser.baseimage == "python:3.12-slim"
    assert not list(folder.rglob("__pycache__"))
    assert (folder / "fewslice" / "networks" / "weights").is_dir()
    assert all("==" in line for line in (folder / "requirements.txt").read_text().splitlines())
    scripts = [each for each in folder.iterdir() if each.suffix == ".sh"]
    assert len(scripts) == 3
    assert all(each.stat().st_mode & 0o111 for each in scripts)


@pytest.mark.slow
def test_its_test_job_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = export_context(tmp_path / "context", Sockets(scan="mri", labels="drawn"))
    output = tmp_path / "output"
    output.mkdir()
    environment = {
        "FEWSLICE_INPUT": str(folder / "test" / "input"),
        "FEWSLICE_OUTPUT": str(output),
        "FEWSLICE_MODEL": str(folder / "model"),
        "FEWSLICE_APPLICATION": str(folder),
    }
    assert main(["exec"], environment) == 0
    assert (output / "images" / "segmentation" / "output.mha").is_file()
    assert main([], environment | {"FEWSLICE_INPUT": str(tmp_path)}) == 2
    assert capsys.readouterr().err.startswith("Error: There is no file")
    assert main(["both"], environment) == 2


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="exists already; choose a new folder"):
        export_context(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]
