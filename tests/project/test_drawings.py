"""What holds on a scan, as engines take it, and whose work each slice is."""

from __future__ import annotations

import numpy as np

from fewslice.project.drawings import blame, drawing
from fewslice.project.revisions import slice_head
from fewslice.project.saving import save_revision
from fewslice.project.scans import change_scan
from tests.support.projects import SmallProject, slice_of


def test_every_kind_of_slice(small: SmallProject) -> None:
    for index, action in enumerate(("draw", "accept", "correct", "absent", "present", "erase")):
        save_revision(
            small.project,
            small.scan,
            small.ann,
            action=action,
            axis=2,
            index=index,
            labels=slice_of(index) if index < 3 else None,
            tool="brush",
            active_seconds=1.5,
        )
    drawn = drawing(small.project, small.scan)
    assert drawn.drawing.places == tuple((2, index) for index in range(4))
    assert drawn.drawing.present == {(2, 4)}
    assert not drawn.drawing.slices[3].labels.any()
    assert drawn.revision == 6
    kinds = [origin.kind for _, origin in sorted(drawn.origins.items())]
    assert kinds == ["human", "accepted", "corrected", "absent", "present"]
    origin = drawn.origins[2, 0]
    assert (origin.person, origin.tool, origin.active_seconds) == ("ann", "brush", 1.5)


def test_where_planes_cross_the_later_slice_counts(small: SmallProject) -> None:
    for axis, index in ((2, 6), (0, 9)):
        sides = [length for other, length in enumerate((20, 18, 12)) if other != axis]
        labels = np.full(sides, 1 + (axis == 0), np.uint8)
        save_revision(
            small.project,
            small.scan,
            small.ann,
            action="draw",
            axis=axis,
            index=index,
            labels=labels,
        )
    labels = drawing(small.project, small.scan).drawing.labels()
    assert (labels[9] == 2).all()
    assert (labels[8, :, 6] == 1).all()


def test_of_independent_people_each_has_a_drawing_and_together_the_newest_counts(
    small: SmallProject,
) -> None:
    change_scan(small.project, small.scan, independent=True)
    for person in (small.bob, small.ann):
        save_revision(
            small.project,
            small.scan,
            person,
            action="draw",
            axis=2,
            index=6,
            labels=slice_of(6, 0, person),
        )
    for annotator, author in ((small.ann, "ann"), (small.bob, "bob"), (None, "ann")):
        assert blame(small.project, small.scan, annotator)[2, 6].person == author
        head = slice_head(small.project, small.scan, (2, 6), annotator)
        assert head is not None
        assert head.person == author
    assert slice_head(small.project, small.scan, (2, 5)) is None
