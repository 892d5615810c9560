"""What all tests share."""

import gc
import os
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

# So that a helper's failed assertion shows its values, as that of a test does.
pytest.register_assert_rewrite("tests.support")


def _qt_is_there() -> bool:
    """Whether windows can be tested: without Qt, pytest-qt would end all tests at once."""
    if find_spec("pytestqt") is None:
        return False
    try:
        import PySide6.QtTest
        import PySide6.QtWidgets  # noqa: F401
    except ImportError:  # of Qt itself, or of a library of the system
        return False
    return True


if _qt_is_there():
    pytest_plugins = ["pytestqt.plugin"]


_SLOW_AND_MEASURED = (
    "batch",
    "cli",
    "engines",
    "evaluation",
    "integrations",
    "pretraining",
    "workflow",
)
_REACH_NOTHING_ELSE = (
    "cli/test_segment_engines.py",
    "cli/test_spacing.py",
    "cli/test_train.py",
    "engines/network/test_engine.py",
    "engines/network/test_finetune.py",
    "engines/network/test_finetuned_engine.py",
    "engines/test_contract.py",
    "engines/test_fair_answers.py",
    "integrations/napari/test_window.py",
    "workflow/test_hard_input.py",
    "workflow/test_ignore_label.py",
    "workflow/test_segment.py",
    "workflow/test_suggest.py",
    "workflow/test_train.py",
)
"""Modules whose slow tests take half of these folders' time, for three lines in a thousand."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure coverage by slow tests only where quick ones reach less of the code.

    Being measured a test takes a third longer; the others reach next to nothing of their own.
    """
    here = Path(__file__).parent
    for item in items:
        if item.get_closest_marker("slow") is None:
            continue
        module = item.path.relative_to(here)
        if module.parts[0] not in _SLOW_AND_MEASURED or module.as_posix() in _REACH_NOTHING_ELSE:
            item.add_marker(pytest.mark.no_cover)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Trace nothing in fixtures of tests that are not measured."""
    with _traced_as(item):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Trace nothing in tests that are not measured.

    In processes of pytest-xdist, pytest-cov starts coverage twice and stops it once: what is
    recorded is right, but every line is traced as before.
    """
    with _traced_as(item):
        return (yield)


@contextmanager
def _traced_as(item: pytest.Item) -> Iterator[None]:
    if item.get_closest_marker("no_cover") is None:
        yield
        return
    tracing, in_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracing)
        threading.settrace(in_threads)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage neither among modules and tests as they come, nor among them ever after.

    Few of them go before the end, and one search passes over millions of objects.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """Hash passwords quickly; `tests/project/test_login` tests that people's are not."""
    if find_spec("argon2") is None:
        yield
        return
    from tests.support.passwords import QUICK

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("argon2.PasswordHasher", QUICK)
        yield


@pytest.fixture(scope="module")
def little_garbage() -> None:
    """Take all there is for no garbage, for tests of what searches all of it before each engine."""
    gc.freeze()


@pytest.fixture
def undrawn_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save figures without drawing them, for tests of what is beside them: three take a second.

    `tests/evaluation/test_plots`, and fixtures of whole modules, which come first, draw theirs.
    """
    from PIL import Image

    def saved(_figure: object, file: str | os.PathLike[str], **_: object) -> None:
        Image.new("L", (1, 1)).save(file, "PNG")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", saved)


@pytest.fixture(scope="session")
def postgres() -> Iterator[object]:
    """A PostgreSQL server (`tests.support.postgres.PostgresServer`) for all tests."""
    from tests.support.postgres import running_postgres

    with running_postgres() as running:
        yield running


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A DICOMweb server (`tests.support.orthanc.Orthanc`); tests bring studies of their own."""
    from tests.support.orthanc import running_orthanc

    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running
