"""Write the average weights of a training checkpoint, to begin another run with.

python scripts/average_weights.py training/run/last.ckpt training/run/last.safetensors
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fewslice.networks.fewslice_net import FewsliceNet
from fewslice.networks.settings import NetworkSettings
from fewslice.networks.weights import save_weights
from fewslice.pretraining.loop.checkpoint import load_checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("weights", type=Path)
    given = parser.parse_args()
    checkpoint = load_checkpoint(given.checkpoint)
    said = checkpoint.config["network"]
    settings = NetworkSettings(**{**said, "widths": tuple(said["widths"])})
    network = FewsliceNet(settings)
    average = checkpoint.average
    network.load_state_dict(
        {name.removeprefix("module."): value for name, value in average.items() if "." in name}
    )
    step = str(checkpoint.state.step)
    print(save_weights(given.weights, network, settings, {"step": step}))


if __name__ == "__main__":
    main()
