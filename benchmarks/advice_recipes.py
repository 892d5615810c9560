"""Which structures advice is fitted on and judged by: training parts and generators, by kind.

Kinds are what is left out of a fit as a whole: advice for tubes has to be right though no tube was
ever seen. `RECIPES` are judged by; `sampled` draws others at random, of the same kinds.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np

from benchmarks.advice_tasks import Recipe, Task, made, on_few_slices
from fewslice.pretraining.generators.oct_layers import FLUID

Rng = np.random.Generator

RECIPES = (
    # Large smooth organs.
    Recipe("organ", "108", 0, (5,)),
    Recipe("organ", "108", 0, (1,)),
    Recipe("organ", "108", 0, (2,), (2, 3)),
    Recipe("organ", "115", 0, (5,)),
    Recipe("organ", "115", 0, (6,)),
    Recipe("organ", "115", 0, (2,)),
    Recipe("organ", "117", 0, (3,)),
    # Air: high contrast.
    Recipe("lung", "108", 0, (10, 11, 12, 13, 14)),
    Recipe("lung", "108", 0, (14,)),
    Recipe("lung", "108", 0, (14,), (1, 3)),
    # Chambers of several lobes.
    Recipe("chamber", "114", 0, (9,)),
    Recipe("chamber", "114", 0, (8,)),
    Recipe("chamber", "113", 0, (2,)),
    Recipe("chamber", "113", 6, (2,), (1, 4)),
    # Tubes.
    Recipe("tube", "114", 0, (1,)),
    Recipe("tube", "114", 0, (2,), (2, 3)),
    Recipe("tube", "114", 0, (1, 2)),
    Recipe("tube", "115", 0, (23,)),
    Recipe("tube", "109", 0, (1,)),
    Recipe("tube", "109", 2, (1,)),
    Recipe("tube", "101", 8, (7,)),
    Recipe("tube", "101", 20, (2,)),
    # Elongated glands and alike.
    Recipe("gland", "115", 0, (7,)),
    Recipe("gland", "115", 0, (4,)),
    Recipe("gland", "108", 0, (7,)),
    Recipe("gland", "101", 30, (3,)),
    Recipe("gland", "101", 41, (4,)),
    Recipe("hippocampus", "004", 12, (1, 2)),
    Recipe("hippocampus", "004", 77, (1,)),
    Recipe("hippocampus", "004", 140, (2,)),
    Recipe("hippocampus", "004", 200, (1, 2), (1, 3)),
    # Muscles.
    Recipe("muscle", "108", 0, (86,)),
    Recipe("muscle", "108", 0, (88,)),
    Recipe("muscle", "115", 0, (46,)),
    Recipe("muscle", "117", 0, (23,)),
    # Bones.
    Recipe("bone", "114", 0, (10,)),
    Recipe("bone", "101", 50, (5,)),
    Recipe("bone", "115", 0, (19,)),
    Recipe("bone", "108", 0, (27,)),
    Recipe("bone", "108", 0, (77,)),
    # Lesions, on thick slices, in several modalities.
    Recipe("tumour", "110", 0, (1,)),
    Recipe("tumour", "110", 1, (1,), (2, 2)),
    Recipe("tumour", "110", 6, (1,)),
    Recipe("tumour", "111", 1, (1,)),
    Recipe("tumour", "112", 0, (1,)),
    Recipe("tumour", "112", 4, (1,)),
    Recipe("small lesion", "116", 0, (1,), None, True),
    Recipe("small lesion", "116", 1, (1,), (2, 3), True),
    Recipe("small lesion", "116", 2, (1,), None, True),
    Recipe("small lesion", "lesion", 3, (1,)),
    # Parts of brains.
    Recipe("brain", "113", 2, (3,)),
    Recipe("brain", "113", 4, (7,)),
    Recipe("brain", "113", 8, (6,)),
    Recipe("brain", "105", 0, (37,)),
    Recipe("brain", "105", 0, (71, 73)),
    Recipe("brain", "113", 9, (8,)),
    # Thin layers.
    Recipe("layer", "oct", 1003, (3,)),
    Recipe("layer", "oct", 1007, (2,)),
    Recipe("layer", "113", 3, (5,)),
    Recipe("layer", "oct", 1011, (4,)),
    Recipe("fluid", "oct", 1000, (FLUID,)),
    Recipe("fluid", "oct", 1004, (FLUID,)),
    Recipe("fluid", "oct", 1005, (FLUID,)),
    # Made-up shapes in made-up textures.
    *(Recipe("shapes", "shapes", seed, (1,)) for seed in (2000, 2001, 2002, 2003, 2004, 2005)),
)  # fmt: skip

TORSO, DISSECTION, ABDOMEN, FETAL, HEAD_NECK = "108", "114", "115", "113", "101"

KINDS: dict[str, dict[str, tuple[int, ...]]] = {
    "organ": {TORSO: (1, 2, 3, 5, 6, 21), ABDOMEN: (2, 3, 5, 6), "117": (3, 4, 5, 6, 9)},
    "lung": {TORSO: (10, 11, 14)},
    "chamber": {DISSECTION: (8, 9), FETAL: (2,)},
    "tube": {
        DISSECTION: (1, 2, 3, 4, 5, 6),
        ABDOMEN: (21, 23, 24, 25),
        TORSO: (52, 63, 64, 65, 66, 67, 68, 79),
        HEAD_NECK: (2, 6, 7),
        "109": (1,),
    },
    "bowel": {TORSO: (18, 19, 20), ABDOMEN: (13, 14, 15)},
    "gland": {ABDOMEN: (4, 7, 8, 9), TORSO: (4, 7, 8, 9), HEAD_NECK: (3, 4)},
    "hippocampus": {"004": (1, 2)},
    "muscle": {TORSO: tuple(range(80, 90)), ABDOMEN: (46, 47, 48, 49), "117": (22, 23, 24)},
    "bone": {
        DISSECTION: (10,),
        HEAD_NECK: (5,),
        ABDOMEN: (19, 20),
        TORSO: (25, 26, 27, 28, 29, 30, 31, 32, 75, 76, 77, 78, 98, 99, 100, 102, 113, 114, 117),
    },
    "tumour": {"110": (1,), "111": (1,), "112": (1,)},
    "small lesion": {"116": (1,), "lesion": (1,)},
    "brain": {FETAL: (1, 3, 6, 7, 8), HEAD_NECK: (1,)},
    "gyri": {"105": tuple(range(1, 117)), "106": tuple(range(1, 724))},
    "layer": {"oct": (1, 2, 3, 4, 5), FETAL: (4, 5)},
    "fluid": {"oct": (FLUID,)},
    "shapes": {"shapes": (1,)},
}
"""Labels of each data set, by kind."""

_SCANS = {"004": 217, HEAD_NECK: 120, "110": 17, "111": 10, "112": 13, FETAL: 11, "109": 3}
_SEEDS = 1_000_000  # generators' volumes that are drawn from
_THICK = 0.35
_SMALLEST = 60  # voxels
FEWEST_OF_FEW = 3  # slices
_WEIGHTS = {"shapes": 2.0, "tube": 1.5, "bone": 1.5, "organ": 1.5, "layer": 1.5, "gyri": 1.5}


def judged(data: Path, kinds: tuple[str, ...] = ()) -> Iterator[Task]:
    """Yield the structures of `RECIPES`, of some kinds only if any are named."""
    for recipe in RECIPES:
        if not kinds or recipe.kind in kinds:
            task = made(recipe, data)
            if task is not None:
                yield task


def sampled(rng: Rng) -> Recipe:
    """Return a random recipe: a kind, a data set, a scan, a label, sometimes two of them."""
    kinds = list(KINDS)
    weights = np.array([_WEIGHTS.get(kind, 1.0) for kind in kinds])
    kind = str(rng.choice(kinds, p=weights / weights.sum()))
    of = str(rng.choice(list(KINDS[kind])))
    labels = KINDS[kind][of]
    scans = {"116": 3, "117": 1}.get(of, _SCANS.get(of, 1))
    case = int(rng.integers(_SEEDS if of in ("oct", "shapes", "lesion") else scans))
    both = len(labels) > 1 and rng.random() < 0.1
    chosen = rng.choice(labels, 2 if both else 1, replace=False)
    thick = (int(rng.integers(3)), int(rng.integers(2, 6))) if rng.random() < _THICK else None
    return Recipe(kind, of, case, tuple(int(one) for one in chosen), thick, of == "116")


def tasks(data: Path, seed: int) -> Iterator[tuple[Task, Rng]]:
    """Yield random structures without end, with random numbers for each."""
    for number in count():
        rng = np.random.default_rng([seed, number])
        task = made(sampled(rng), data)
        if task is not None and np.count_nonzero(task.mask) >= _SMALLEST:
            yield task, rng


def few_task(data: Path, seed: int, number: int, most: int) -> tuple[Task, Rng] | None:
    """Return a random structure on three to `most` slices, as if these were thick, if there is one.

    Others of the same seed do not change it. The random numbers are those to go on with.
    """
    rng = np.random.default_rng([seed, number])
    task = made(sampled(rng), data, fewest=FEWEST_OF_FEW)
    if task is None or np.count_nonzero(task.mask) < _SMALLEST:
        return None
    task = on_few_slices(task, int(rng.integers(FEWEST_OF_FEW, most + 1)))
    return (task, rng) if len(task.occupied(task.axis)) >= FEWEST_OF_FEW else None
