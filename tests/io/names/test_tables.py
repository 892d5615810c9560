"""ITK-SNAP's label descriptions, colour tables of FreeSurfer and 3D Slicer, tables of BIDS."""

from __future__ import annotations

import pytest

from fewslice.io.names.tables import parse
from fewslice.volumes.segments import Segment

ITK_SNAP = """
################################################
# ITK-SnAP Label Description File
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
################################################
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "Left lung"
   12     0  102   51     0.55  1  0    "Tumour \"core\""
"""
FREESURFER = """#$Id: FreeSurferColorLUT.txt
#No. Label Name:                            R   G   B   A
0   Unknown                                 0   0   0   0
2   Left-Cerebral-White-Matter              245 245 245 0

17  Left-Hippocampus                        220 216 20  0
"""
SLICER = "# Color table file tumour.ctbl\n0 Background 0 0 0 0\n3 Liver right lobe 51 0 255 255\n"
BIDS = (
    "index\tname\tabbreviation\tcolor\n1\tGray Matter\tGM\t#ff0000\n2\tWhite Matter\tWM\t#00ff33\n"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ITK_SNAP, [(1, "Left lung", (1, 0, 0)), (12, 'Tumour "core"', (0, 0.4, 0.2))]),
        (
            FREESURFER,
            [
                (2, "Left-Cerebral-White-Matter", (245 / 255, 245 / 255, 245 / 255)),
                (17, "Left-Hippocampus", (220 / 255, 216 / 255, 20 / 255)),
            ],
        ),
        (SLICER, [(3, "Liver right lobe", (0.2, 0, 1))]),
        (BIDS, [(1, "Gray Matter", (1, 0, 0)), (2, "White Matter", (0, 1, 0.2))]),
        (
            "\ufeff" + BIDS.replace("\n", "\r\n"),
            [(1, "Gray Matter", (1, 0, 0)), (2, "White Matter", (0, 1, 0.2))],
        ),
    ],
)
def test_tables(text: str, expected: list[tuple[int, str, tuple[float, float, float]]]) -> None:
    found = parse(text)
    assert found is not None
    assert [(each.value, each.name) for each in found] == [each[:2] for each in expected]
    for segment, (_, _, colour) in zip(found, expected, strict=True):
        assert segment.colour == pytest.approx(colour)


def test_the_first_of_a_number_counts() -> None:
    found = parse("3 a 255 0 0 0\n3 b 0 255 0 0\n70000 beyond 1 2 3 0\n")
    assert found == (Segment(3, "a", (1.0, 0.0, 0.0)),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "Patient 7 was scanned twice.\n",
        "0 Unknown 0 0 0 0\n",  # the background alone names nothing
        FREESURFER + "and notes at the end\n",
        "index\tcolour\n1\t#ff0000\n",
        "index\tname\nx\ty\n",
        "1.5 2.5 3.5\n4.5 5.5 6.5\n",
    ],
)
def test_other_texts_name_nothing(text: str) -> None:
    assert parse(text) is None
