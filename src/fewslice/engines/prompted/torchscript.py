"""A TorchScript file and a description beside it, as an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fewslice.engines.base import Scan, SupportScan
from fewslice.engines.logits import one_channel
from fewslice.engines.prompted.description import Description, read_description
from fewslice.engines.prompted.network import PromptedNetwork
from fewslice.engines.prompted.prepared import PreparedPrompted
from fewslice.errors import InputError, WeightsError


@dataclass(frozen=True)
class TorchScript:
    """Ask a TorchScript network that maps a scan and a prompt to one structure's logits.

    weights: the file; FILE.json beside FILE.pt describes the network
    (`fewslice.engines.prompted.description`). TorchScript is code: only open files you trust.
    channel: of the scan, the one it sees, counted from 0. device: None takes a GPU if there is one.
    """

    weights: Path | None = None
    channel: int = 0
    device: str | None = None

    @property
    def uses_support(self) -> bool:
        """Such a network sees one scan."""
        return False

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedPrompted:
        """Read the network. Raises InputError if none was given, WeightsError if it is none."""
        if self.weights is None:
            raise InputError(
                "The engine torchscript needs a network; give its TorchScript file (--weights "
                "FILE), with a description beside it."
            )
        path = Path(self.weights)
        description = read_description(path.with_suffix(".json"))
        device = chosen_device(self.device)
        network = PromptedNetwork(load_torchscript(path, device), description, str(path), device)
        return prepared(scan, network, self.channel)


def prepared(
    scan: Scan, network: PromptedNetwork, channel: int, remarks: tuple[str, ...] = ()
) -> PreparedPrompted:
    """Return a scan ready for a network."""
    image, about = one_channel(scan, channel)
    description: Description = network.description
    return PreparedPrompted(
        description.intensity.scaled(image), scan.geometry, network, (*about, *remarks)
    )


def load_torchscript(path: Path, device: str) -> Any:
    """Return the network of a TorchScript file. Raises WeightsError.

    What the file holds is run when it is asked, and may be run on loading.
    """
    import warnings

    import torch

    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise WeightsError(f"{path} {what}; expected a TorchScript file, as torch.jit.save writes.")
    try:
        with warnings.catch_warnings():
            # PyTorch advises to write other files; people have these.
            warnings.simplefilter("ignore", DeprecationWarning)
            loaded: Any = torch.jit.load(str(path), device)  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError, OSError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WeightsError(
            f"{path} cannot be read as TorchScript ({first[:200]}); expected a file that "
            "torch.jit.save has written."
        ) from error
    return loaded.eval()


def chosen_device(device: str | None) -> str:
    """Return the device, or the best there is."""
    from fewslice.engines.network.inference import best_device

    return device or best_device()
