"""The README stays true: its Python example runs, its commands exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_python_example_runs(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    subprocess.run([sys.executable, "-W", "error", "-c", example], cwd=tmp_path, check=True)
    assert (tmp_path / "result.nii.gz").stat().st_size > 0


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z]+)", TEXT))))
def test_the_make_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", TEXT))))
def test_the_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.slow
def test_the_options_exist() -> None:
    for command in ("info", "segment", "evaluate", "train"):
        shown = subprocess.run(
            [sys.executable, "-m", "fewslice", command, "--help"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        blocks = "\n".join(
            re.findall(rf"fewslice {command} .*?(?=\nfewslice|```)", TEXT, re.DOTALL)
        )
        for option in re.findall(r"--[a-z-]+", blocks):
            assert option in shown


def test_the_model_card_gives_the_same_results() -> None:
    card = (ROOT / "MODEL_CARD.md").read_text(encoding="utf-8")
    tables = [re.findall(r"<!-- results -->\n(.+?)<!--", one, re.DOTALL) for one in (TEXT, card)]
    assert len(tables[0]) == 1
    assert tables[0] == tables[1]
