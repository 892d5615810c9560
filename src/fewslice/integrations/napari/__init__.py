"""A plugin of napari: draw on a few slices of a layer, and the rest is answered beside it.

`origin`, `grid`, `places`, `drawn`, `loop` and `results` know layers but no window; `panel` is
what people see, and hands everything on to them.
"""
