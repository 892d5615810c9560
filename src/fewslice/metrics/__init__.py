"""How well a segmentation agrees with a reference: overlap and distances between surfaces.

Two bool arrays (i, j, k) and the spacing in mm go in, numbers come out; nothing here knows files,
labels or engines. ``scores`` is the way in, ``overlap`` and ``surface`` hold the single measures.
"""
