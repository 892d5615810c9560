"""Annotate the bundled scan in a loop: draw, look, ask, correct, take back, save."""

import fewslice
from fewslice.example import labels_path, scan_path

THALAMUS = 3
CORONAL = 1

image = fewslice.read_image(scan_path())
reference = fewslice.read_labels(labels_path()).array == THALAMUS

# 1. A session holds one scan and what is drawn on it.
session = fewslice.Session(image)

# 2. Draw two coronal slices, and say that the structure is not on a third.
for index in (26, 36):
    session.draw(CORONAL, index, reference[:, index])
session.absent(CORONAL, 50)


def dice() -> float:
    """Segment what is drawn now, and compare with the reference."""
    answer = session.segment().labels.array == 1
    return float(2 * (answer & reference).sum() / (answer.sum() + reference.sum()))


print(f"Two slices drawn:   Dice {dice():.2f}")

# 3. Draw a slice more. Between others only what lies around it is answered again.
session.draw(CORONAL, 20, reference[:, 20])
print(f"Three slices drawn: Dice {dice():.2f}")

# 4. Changed your mind? Every change can be undone and redone.
session.undo()
print("Annotated after undo:", session.annotated)
session.redo()
print("Annotated after redo:", session.annotated)

# 5. Save what was drawn, and take it up another day.
session.save("drawing.npz")
later = fewslice.Session(image)
later.load("drawing.npz")
print("The same drawing:", later.annotated == session.annotated)
