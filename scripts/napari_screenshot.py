"""Take docs/napari.png: the plugin in a real window of napari, after one round of the loop.

    python scripts/napari_screenshot.py docs/napari.png [ENGINE]

It needs a screen with OpenGL; `xvfb-run` is one (`make napari-screenshot`). Exits with 1 where the
round did not come out as it should, so a test runs it, too.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

SECONDS = 300
SIZE = (1400, 860)
BETWEEN = 3  # slices above a drawn one, where the answer is the engine's


def main(path: str, engine: str = "auto") -> int:
    """Answer the sample, ask, accept a slice, save; return what the process exits with."""
    os.environ["NAPARI_CONFIG"] = ""  # nobody's settings
    import napari
    from napari.plugins import _initialize_plugins
    from npe2 import PluginManager, PluginManifest

    _initialize_plugins()
    plugins = PluginManager.instance()
    if "fewslice" not in [each.name for each in plugins.iter_manifests()]:
        manifest = files("fewslice.integrations.napari").joinpath("napari.yaml")
        plugins.register(PluginManifest.from_file(str(manifest)))
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(*SIZE)
    viewer.open_sample("fewslice", "deep-grey-matter")
    _, panel = viewer.window.add_plugin_dock_widget("fewslice")
    panel.chooser.engine.setCurrentText(engine)
    drawing = viewer.layers["drawn"]
    before = drawing.data.copy()
    if not play(viewer, panel):
        return 1
    viewer.reset_view()
    wait(lambda: False, 1)
    viewer.screenshot(path, canvas_only=False, flash=False)
    answer = viewer.layers["drawn: answer"].data
    kept = np.array_equal(drawing.data, before)
    same = np.array_equal(answer[before > 0], before[before > 0])
    panel.accept.click()
    accepted = np.count_nonzero(drawing.data) > np.count_nonzero(before)
    saved = saves(viewer)
    print(f"kept: {kept}, in the answer: {same}, accepted: {accepted}, saved: {saved}")
    viewer.window.remove_dock_widget("all")
    viewer.add_labels(np.zeros((2, 2, 2), dtype=np.uint8))  # a closed panel does not mind
    viewer.close()
    return 0 if kept and same and accepted and saved else 1


def play(viewer: Any, panel: Any) -> bool:
    """Segment, ask what is next, go there and show how sure the answer is."""
    from fewslice.integrations.napari.places import jump

    panel.uncertainty.setChecked(True)
    panel.segment.click()
    if not wait(lambda: not panel.busy):
        return False
    panel.suggest.click()
    if not wait(lambda: not panel.busy) or not panel.suggestions.count():
        return False
    panel.suggestions.setCurrentRow(0)
    panel.suggestions.itemClicked.emit(panel.suggestions.item(0))
    drawing = viewer.layers["drawn"]
    drawn = np.flatnonzero(drawing.data.any(axis=(1, 2)))
    jump(viewer, drawing, (0, int(drawn[len(drawn) // 2]) + BETWEEN))
    return True


def saves(viewer: Any) -> bool:
    """Whether a layer of napari's own button is saved with the scan's header, and opens as it was.

    Such a layer knows nothing of the file that it is drawn over.
    """
    import nibabel as nib

    from fewslice import example

    viewer.layers.selection.active = viewer.layers["deep grey matter"]
    viewer._new_labels()
    layer = viewer.layers.selection.active
    layer.data[3, 4, 5] = 6
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "labels.nii.gz")
        layer.save(path, plugin="fewslice")
        (opened,) = viewer.open(path, plugin="fewslice")
        mine: Any = nib.load(path)
    scan: Any = nib.load(example.scan_path())
    return bool((mine.affine == scan.affine).all() and (opened.data == layer.data).all())


def wait(done: Callable[[], bool], seconds: float = SECONDS) -> bool:
    """Let the window work until something is done, or time is over."""
    from qtpy.QtWidgets import QApplication

    until = time.monotonic() + seconds
    while not done() and time.monotonic() < until:
        QApplication.processEvents()
        time.sleep(0.01)
    return done()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
