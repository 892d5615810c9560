from pathlib import Path

import pytest

from fewslice.evaluation import plots
from fewslice.evaluation.run import evaluate
from fewslice.evaluation.settings import Settings

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.skipif(not DATA.is_dir(), reason="the data sets for development are not here")
def test_a_real_spleen_by_interpolation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "write_plots", lambda *_: None)
    settings = Settings(engines=("interpolation",), slices=(3, 8))
    summary = evaluate(DATA / "Dataset103_SpleenCT", tmp_path, settings, jobs=1)
    few, many = summary["overall"]
    assert (few["slices"], many["slices"], few["tasks"]) == (3, 8, 1)
    assert 0.75 < few["dice"] < many["dice"] < 1
    assert many["hd95"] < few["hd95"] < 30
