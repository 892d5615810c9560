"""Ask which slices of the bundled scan to draw next, draw one, and segment again."""

import numpy as np

import fewslice
from fewslice.example import labels_path, scan_path

HIPPOCAMPUS = 4

image = fewslice.read_image(scan_path())
reference = fewslice.read_labels(labels_path()).array == HIPPOCAMPUS

# 1. One slice is drawn so far: coronal, near the middle of the hippocampus.
middle = int(np.median(np.flatnonzero(reference.any(axis=(0, 2)))))
sparse = np.zeros(reference.shape, dtype=np.uint8)
sparse[:, middle] = reference[:, middle]
first = fewslice.segment(image, sparse)

# 2. Ask what is worth drawing. Each suggestion names a slice, in any of the three planes.
suggestion = fewslice.suggest(image, sparse, count=3, answer=first)
for each in suggestion.slices:
    print(f"{each.kind} {each.plane} {each.index}: {each.reason}")
print(suggestion.message)

# 3. Draw the first of them. Here the reference plays the person.
best = suggestion.slices[0]
place = tuple(best.index if axis == best.axis else slice(None) for axis in range(3))
sparse[place] = reference[place]

# 4. Segment again. Naming both slices as annotated says that what is 0 on them is background.
second = fewslice.segment(image, sparse, annotated=[(1, middle), (best.axis, best.index)])


def dice(found: np.ndarray) -> float:
    """Return the Dice of an answer against the reference."""
    return float(2 * (found & reference).sum() / (found.sum() + reference.sum()))


print(f"One slice:  Dice {dice(first.labels.array > 0):.2f}")
print(f"Two slices: Dice {dice(second.labels.array > 0):.2f}")
