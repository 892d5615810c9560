"""Why SimpleITK computes our distance maps: time of the libraries that could, in milliseconds.

    python benchmarks/distance_transforms.py

Optional rivals (opencv-python-headless, edt) are timed where they are installed. OpenCV knows no
anisotropic spacing and no third axis; edt is under the LGPL, which we do not build on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from scipy import ndimage

from fewslice.typing import BoolArray
from fewslice.volumes.distance import distance_to


def milliseconds(work: Callable[[], Any], repeats: int = 5) -> float:
    work()
    started = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - started) / repeats * 1e3


def rivals(mask: BoolArray, spacing: tuple[float, ...]) -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {
        "SimpleITK (ours)": lambda: distance_to(mask, spacing, 1e6),
        "scipy": lambda: ndimage.distance_transform_edt(~mask, sampling=spacing),
    }
    try:
        edt = import_module("edt")
        found["edt"] = lambda: edt.edt(~mask, anisotropy=spacing, parallel=2)
    except ImportError:
        pass
    try:
        cv2 = import_module("cv2")
        if mask.ndim == 2:
            outside = (~mask).astype(np.uint8)
            found["OpenCV"] = lambda: cv2.distanceTransform(outside, cv2.DIST_L2, 0)
    except ImportError:
        pass
    return found


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    flat = np.zeros((512, 512), dtype=bool)
    flat[140:380, 120:400] = True
    deep = np.zeros((128, 256, 256), dtype=bool)
    deep[40:80, 100:160, 90:170] = True
    print("| mask | library | ms |\n|---|---|---|")
    for mask, spacing in ((flat, (1.0, 0.7)), (deep, (3.0, 1.0, 1.0))):
        size = "x".join(str(n) for n in mask.shape)
        for name, work in rivals(mask, spacing).items():
            print(f"| {size} | {name} | {milliseconds(work):.1f} |")


if __name__ == "__main__":
    main()
