"""A network of others, asked through MONAI's sliding window; what it answers is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fewslice.engines.prompted.description import Description
from fewslice.errors import InputError, WeightsError
from fewslice.typing import Float32Array

if TYPE_CHECKING:
    from torch import Tensor

_OVERLAP = 0.5  # of neighbouring patches
_AT_ONCE = 4  # patches
_SUREST = 1e-6  # probabilities nearer to 0 and 1 say no more


@dataclass(frozen=True, eq=False)
class PromptedNetwork:
    """A network that is asked about patches, and where it was read from."""

    module: Callable[[Any], Any]
    description: Description
    source: str
    device: str

    def logits(self, inputs: Float32Array) -> Float32Array:
        """Return logits (batch, *spatial) of the structure.

        inputs: (batch, channel, *spatial), of any size: patches overlap by half and are averaged
        with Gaussian weights (`monai.inferers.SlidingWindowInferer`). Raises InputError without
        MONAI, WeightsError if the network refuses or answers in another shape.
        """
        import torch

        inferer = _inferer(self.description.patch)
        with torch.inference_mode():
            found = inferer(torch.from_numpy(inputs).to(self.device), self._asked)
        answer: Float32Array = found[:, 0].float().cpu().numpy()
        if not np.isfinite(answer).all():
            raise WeightsError(
                f"{self.source} answers with values that are no numbers; see whether its "
                "intensities are described as in its training."
            )
        return answer

    def _asked(self, patch: Tensor) -> Tensor:
        """Return the logit (batch, 1, *patch) of patches."""
        import torch

        try:
            found = self.module(patch)
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            last = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            raise WeightsError(
                f"{self.source} does not take patches of shape {tuple(patch.shape)} ({last}); see "
                "whether its description says what it was trained on."
            ) from error
        expected = [(patch.shape[0], count, *patch.shape[2:]) for count in (1, 2)]
        if not isinstance(found, torch.Tensor) or tuple(found.shape) not in expected:
            got = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            raise WeightsError(
                f"{self.source} answers patches of shape {tuple(patch.shape)} with {got}; expected "
                f"a tensor of shape {expected[0]} or {expected[1]}."
            )
        found = found.float()
        if self.description.output == "probabilities":
            return torch.logit(found[:, -1:].clamp(_SUREST, 1 - _SUREST))
        return found if found.shape[1] == 1 else found[:, 1:] - found[:, :1]


def _inferer(patch: tuple[int, ...]) -> Any:
    try:
        from monai.inferers.inferer import SlidingWindowInferer
    except ImportError as error:
        raise InputError(
            "Networks of others are asked through MONAI, which is not installed; run "
            'pip install "fewslice[monai]".'
        ) from error
    return SlidingWindowInferer(patch, sw_batch_size=_AT_ONCE, overlap=_OVERLAP, mode="gaussian")
