"""What comes out, as layers beside the person's own: the answer and its uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fewslice.integrations.napari.grid import transform_of
from fewslice.integrations.napari.origin import KEY
from fewslice.segmentation.preview import AnsweredSlices
from fewslice.typing import Float32Array
from fewslice.volumes.image import LabelArray

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels

ANSWER, UNCERTAINTY = "answer", "uncertainty"

_ROLE = "fewslice.result"


def is_result(layer: Any) -> bool:
    """Whether fewslice made a layer, so that it is not offered as a scan or a drawing."""
    return _ROLE in layer.metadata


def result_layer(viewer: ViewerModel, drawing: Labels, role: str) -> Any:
    """Return the layer of a drawing's results, ANSWER or UNCERTAINTY; None if there is none."""
    wanted = (role, str(drawing.unique_id))
    return next((each for each in viewer.layers if each.metadata.get(_ROLE) == wanted), None)


def show_answer(viewer: ViewerModel, drawing: Labels, labels: LabelArray) -> Labels:
    """Show an answer right below what it was drawn from."""
    from napari.layers import Labels

    layer = result_layer(viewer, drawing, ANSWER)
    if layer is None:
        layer = Labels(labels.copy(), opacity=0.45, **_beside(drawing, ANSWER))
        _insert(viewer, drawing, layer, above=False)
    else:
        layer.data = labels.copy()  # whoever draws on it after all does not change the answer
    layer.editable = False  # what is to be corrected is accepted first, and then the person's
    return layer


def show_slices(viewer: ViewerModel, drawing: Labels, slices: AnsweredSlices) -> None:
    """Show some slices of an answer under way in its layer."""
    layer = result_layer(viewer, drawing, ANSWER)
    if layer is None:
        layer = show_answer(viewer, drawing, np.zeros(drawing.data.shape, slices.labels.dtype))
    data = layer.data.astype(np.promote_types(layer.data.dtype, slices.labels.dtype))
    np.moveaxis(data, slices.axis, 0)[slices.first : slices.first + len(slices.labels)] = (
        slices.labels
    )
    layer.data = data


def show_uncertainty(viewer: ViewerModel, drawing: Labels, values: Float32Array) -> Image:
    """Show how sure an answer is, from clear (certain) to bright (as good as guessed)."""
    from napari.layers import Image

    layer = result_layer(viewer, drawing, UNCERTAINTY)
    if layer is not None:
        layer.data, layer.visible = values, True
        return layer
    layer = Image(
        values,
        colormap="inferno",
        contrast_limits=(0.0, 1.0),
        blending="additive",
        opacity=0.5,
        **_beside(drawing, UNCERTAINTY),
    )
    _insert(viewer, drawing, layer, above=True)
    return layer


def _beside(drawing: Labels, role: str) -> dict[str, Any]:
    """Return what a result has from the layer it belongs to."""
    metadata = {_ROLE: (role, str(drawing.unique_id))}
    if KEY in drawing.metadata:
        metadata[KEY] = drawing.metadata[KEY]
    return {"name": f"{drawing.name}: {role}", "metadata": metadata, **transform_of(drawing)}


def _insert(viewer: ViewerModel, drawing: Labels, layer: Any, *, above: bool) -> None:
    """Put a layer beside another one, and leave the person's choice of layers as it is."""
    selected = set(viewer.layers.selection)
    viewer.layers.insert(viewer.layers.index(drawing) + (1 if above else 0), layer)
    viewer.layers.selection.clear()
    viewer.layers.selection.update(selected)
