"""A MONAI bundle as an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fewslice.engines.base import Scan, SupportScan
from fewslice.engines.prompted.prepared import PreparedPrompted
from fewslice.engines.prompted.torchscript import chosen_device, prepared
from fewslice.errors import InputError


@dataclass(frozen=True)
class MonaiBundle:
    """Ask the network of a MONAI bundle that maps a scan and a prompt to one structure.

    weights: the bundle's folder (see `fewslice.engines.prompted.bundle`). A bundle may hold
    TorchScript, which is code: only open bundles you trust. channel: of the scan, the one it sees,
    counted from 0. device: None takes a GPU if there is one.
    """

    weights: Path | None = None
    channel: int = 0
    device: str | None = None

    @property
    def uses_support(self) -> bool:
        """Such a network sees one scan."""
        return False

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedPrompted:
        """Read the bundle. Raises InputError if none was given, WeightsError if it is none."""
        if self.weights is None:
            raise InputError(
                "The engine monai-bundle needs a bundle; give its folder (--weights FOLDER)."
            )
        from fewslice.engines.prompted.bundle import read_bundle

        network, remarks = read_bundle(Path(self.weights), chosen_device(self.device))
        return prepared(scan, network, self.channel, remarks)
