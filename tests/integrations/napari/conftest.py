"""What tests of the plugin share: no settings of a person's napari, and Qt without a screen."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from napari.components import ViewerModel

if find_spec("napari") is None:
    if os.environ.get("FEWSLICE_REQUIRE_NAPARI"):
        raise ImportError("napari is missing, although FEWSLICE_REQUIRE_NAPARI is set")
    collect_ignore_glob = ["test_*.py"]

else:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["NAPARI_CONFIG"] = ""  # neither read nor written
    with warnings.catch_warnings():  # napari and npe2 define their models in an older way
        warnings.simplefilter("ignore", DeprecationWarning)
        for name in ("napari.components", "napari.layers", "npe2"):
            import_module(name)


@pytest.fixture
def viewer() -> ViewerModel:
    """A viewer without a window."""
    from napari.components import ViewerModel

    return ViewerModel()


@pytest.fixture
def shown() -> Iterator[list[str]]:
    """What napari tells people meanwhile."""
    from napari.utils.notifications import Notification, notification_manager

    texts: list[str] = []

    def keep(notification: Notification) -> None:
        texts.append(str(notification))

    notification_manager.notification_ready.connect(keep)
    yield texts
    notification_manager.notification_ready.disconnect(keep)


@pytest.fixture
def nifti(tmp_path: Path) -> Path:
    """A small scan whose header tells its axes apart: left, front and feet first, 2 x 3 x 5 mm."""
    from tests.support.napari_layers import write_turned_scan

    return write_turned_scan(tmp_path / "scan.nii.gz")
