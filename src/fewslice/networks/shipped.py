"""Where the weights lie that come with fewslice; finding them loads no heavy library."""

from __future__ import annotations

from pathlib import Path

from fewslice.errors import WeightsError


def shipped_weights() -> tuple[Path, str]:
    """Return the file of weights that comes with fewslice, and its SHA-256.

    Raises WeightsError if this installation holds none.
    """
    folder = Path(__file__).parent / "weights"
    try:
        digest = (folder / "fewslice.sha256").read_text(encoding="ascii").split()[0]
    except (OSError, ValueError, IndexError) as error:
        raise WeightsError(
            f"The weights that should come with fewslice are not in {folder}; install it again."
        ) from error
    return folder / "fewslice.safetensors", digest
