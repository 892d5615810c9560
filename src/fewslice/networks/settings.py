"""The size of the network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkSettings:
    """How large the network is; stored with its weights.

    widths: channels at full, half, quarter and eighth resolution. keys, values: length of the
    memory's vectors, for all heads together. heads: of the attention. hints: channels of what is
    known of a structure on a slice (see `fewslice.networks.inputs`).
    """

    widths: tuple[int, int, int, int] = (16, 32, 48, 64)
    keys: int = 40
    values: int = 64
    heads: int = 4
    hints: int = 18
