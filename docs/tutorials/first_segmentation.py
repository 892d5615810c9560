"""Segment a structure of the bundled scan from three annotated slices, and look at the result."""

import numpy as np

import fewslice
from fewslice.example import labels_path, scan_path

PUTAMEN = 2
CORONAL = 1  # the array axes of this scan are left-right, back-front and feet-head

# 1. Read the scan. `read_image` takes NIfTI, MetaImage, NRRD and DICOM alike.
image = fewslice.read_image(scan_path())
reference = fewslice.read_labels(labels_path()).array == PUTAMEN

# 2. Pretend that somebody drew three coronal slices only: everything else is 0.
drawn = [38, 48, 58]
sparse = np.zeros(reference.shape, dtype=np.uint8)
sparse[:, drawn] = reference[:, drawn]

# 3. Segment. The answer lies on the scan's own grid, with the scan's own axes.
result = fewslice.segment(image, sparse)
answer = result.labels.array == 1

# 4. What was drawn is in the answer, voxel by voxel.
print("Drawing kept:", bool((answer[:, drawn] == reference[:, drawn]).all()))

# 5. Compare the slices that nobody drew with the reference.
rest = np.setdiff1d(np.arange(answer.shape[CORONAL]), drawn)
both = (answer & reference)[:, rest].sum()
either = answer[:, rest].sum() + reference[:, rest].sum()
print(f"Dice on the other slices: {2 * both / either:.2f}")

# 6. Which slice should be corrected first? The one with the lowest expected Dice.
print("Look first at coronal slice", int(np.argmin(result.confidence)))
for remark in result.remarks:
    print(remark)

# 7. Save the answer for any viewer.
fewslice.write_labels("result.nii.gz", result.labels)
