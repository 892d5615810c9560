"""How long nnInteractive's client waits for an answer of ours: a real client, a real socket.

    python -m benchmarks.round_trip --data DATA --sets 101,103,110 --part Ts

Of each structure a region of 128 x 128 x 100 voxels around it is sent, as clients send what they
show. On it a first lasso, a second one, a scribble, a point that says yes and one that says no, a
box on another slice, each answered. Prints the median and the longest wait of each, in seconds,
with the time that the server computed itself and the largest reply.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import uvicorn
from nnInteractive.inference.remote import nnInteractiveRemoteInferenceSession

from fewslice.evaluation.dataset import find_dataset, read_case
from fewslice.integrations.nninteractive.app import create_app, warm_up
from fewslice.metrics.overlap import dice

REGION = (128, 128, 100)
_FEWEST = 300  # voxels of a structure within the region

Bool = npt.NDArray[np.bool_]


def region(mask: Bool) -> tuple[slice, ...]:
    """Return the region around a structure, moved into the scan."""
    centre = [int(np.median(places)) for places in np.nonzero(mask)]
    starts = [
        max(0, min(middle - side // 2, whole - side))
        for middle, side, whole in zip(centre, REGION, mask.shape, strict=True)
    ]
    return tuple(slice(start, start + side) for start, side in zip(starts, REGION, strict=True))


def regions(folder: Path, part: str, most: int) -> Iterator[tuple[npt.NDArray[Any], Bool, Any]]:
    """Yield (channel, i, j, k), mask and spacing of each structure of some cases."""
    for case in find_dataset(folder, part, most).cases:
        image, labels = read_case(case)
        channels = image.array[None] if image.array.ndim == 3 else image.array
        for value in np.setdiff1d(labels.values, [0, 255]):
            place = region(labels.array == value)
            mask = labels.array[place] == value
            if mask.sum() >= _FEWEST:
                yield channels[(slice(None), *place)], mask, image.geometry.spacing


@contextmanager
def server() -> Iterator[str]:
    """Serve on a free port of this computer."""
    with TemporaryDirectory() as folder:
        config = uvicorn.Config(
            create_app(Path(folder)), host="127.0.0.1", port=0, log_level="error"
        )
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run)
        thread.start()
        while not running.started:
            thread.join(0.01)
        yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
        running.should_exit = True
        thread.join()


def asked(session: Any, mask: Bool) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what a person does, one after the other."""
    holding = np.flatnonzero(mask.any(axis=(0, 1)))
    first, second, third, fourth = (
        int(holding[int(share * (len(holding) - 1))]) for share in (0.3, 0.7, 0.5, 0.9)
    )

    def on(index: int) -> npt.NDArray[np.uint8]:
        part = np.zeros(mask.shape, np.uint8)
        part[..., index] = mask[..., index]
        return part

    yield "first lasso", lambda: session.add_lasso_interaction(on(first), True)
    yield "second lasso", lambda: session.add_lasso_interaction(on(second), True)
    scribble = np.zeros(mask.shape, np.uint8)
    places = np.argwhere(mask[..., third])
    middle = places[len(places) // 2]
    row = places[places[:, 0] == middle[0]]
    scribble[row[:, 0], row[:, 1], third] = 1
    yield "scribble", lambda: session.add_scribble_interaction(scribble, True)
    inside = (*(int(each) for each in middle), third)
    yield "point", lambda: session.add_point_interaction(inside, True)
    outside = np.argwhere(~mask[..., third])[0]
    beyond = (*(int(each) for each in outside), third)
    yield "point that says no", lambda: session.add_point_interaction(beyond, False)
    corners = np.argwhere(mask[..., fourth])
    low, high = corners.min(axis=0), corners.max(axis=0) + 1
    box = [[int(low[0]), int(high[0])], [int(low[1]), int(high[1])], [fourth, fourth + 1]]
    yield "box", lambda: session.add_bbox_interaction(box, True)


def main() -> None:
    """Print how long each interaction takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", default="101,103,110")
    parser.add_argument("--part", default="Ts")
    parser.add_argument("--most", type=int, default=2, help="cases a set")
    given = parser.parse_args()
    waits: dict[str, list[float]] = defaultdict(list)
    computed: dict[str, list[float]] = defaultdict(list)
    ends = []
    warm_up()  # as `fewslice serve` does
    with server() as address, nnInteractiveRemoteInferenceSession(address) as session:
        for number in given.sets.split(","):
            (folder,) = given.data.glob(f"Dataset{number}_*")
            for channels, mask, spacing in regions(folder, given.part, given.most):
                begun = time.perf_counter()
                session.set_image(channels, {"spacing": np.asarray(spacing)})
                buffer = np.zeros(mask.shape, np.uint8)
                session.set_target_buffer(buffer)
                waits["image"].append(time.perf_counter() - begun)
                for name, ask in asked(session, mask):
                    begun, used = time.perf_counter(), time.process_time()
                    ask()
                    waits[name].append(time.perf_counter() - begun)
                    computed[name].append(time.process_time() - used)
                ends.append(dice(buffer == 1, mask))
                session.reset_interactions()
    print("| interaction | structures | median wait | longest | median of processor time |")
    print("|---|---|---|---|---|")
    for name, each in waits.items():
        own = f"{statistics.median(computed[name]):.2f}" if computed[name] else ""
        print(f"| {name} | {len(each)} | {statistics.median(each):.2f} | {max(each):.2f} | {own} |")
    print(f"Mean Dice after all of it: {np.mean(ends):.3f}")


if __name__ == "__main__":
    main()
