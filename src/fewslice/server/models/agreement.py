"""How well people agree."""

from __future__ import annotations

from fewslice.server.models.base import Axis, Index, Model


class StructureAgreement(Model):
    """How well two people agree on a structure. tolerance: of the surface Dice in mm."""

    value: int
    name: str
    dice: float | None
    surface_dice: float | None
    tolerance: float


class SliceAgreement(Model):
    """How well two people agree on a slice, all structures together."""

    axis: Axis
    index: Index
    dice: float


class PairAgreement(Model):
    """How well two people agree on the slices that both drew. slices: worst first."""

    first: str
    second: str
    structures: list[StructureAgreement]
    slices: list[SliceAgreement]


class Agreement(Model):
    """How well the people agree who annotated a scan independently."""

    scan: int
    pairs: list[PairAgreement]
