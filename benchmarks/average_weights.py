"""Average the weights of a network before and after more training.

    python -m benchmarks.average_weights BEFORE AFTER --share 0.5 -o FILE

Training on wider data makes a network better there and forget some of what it knew; weights on the
line between both keep much of either (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR
2022). share: of AFTER, in [0, 1].
"""

from __future__ import annotations

import argparse
from pathlib import Path

from torch import Tensor

from fewslice.networks.fewslice_net import FewsliceNet
from fewslice.networks.weights import load_weights, read_metadata, save_weights

State = dict[str, Tensor]


def between(before: State, after: State, share: float) -> State:
    """Return (1 - share) of one state and `share` of the other; of the same parameters."""
    return {name: tensor.lerp(after[name], share) for name, tensor in before.items()}


def average(before: Path, after: Path, share: float, output: Path) -> str:
    """Write weights between those of two files; return their SHA-256."""
    settings, first = load_weights(before)
    other, second = load_weights(after)
    if settings != other:
        raise SystemExit(f"{before} and {after} are weights of different networks.")
    network = FewsliceNet(settings)
    network.load_state_dict(between(first, second, share))
    told = read_metadata(after) | {"averaged": f"{share:g} of it, {1 - share:g} of those before"}
    return save_weights(output, network, settings, told)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    print(average(given.before, given.after, given.share, given.output))


if __name__ == "__main__":
    main()
