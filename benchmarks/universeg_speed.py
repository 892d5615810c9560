"""CPU time of UniverSeg's network, in the size that was published and with random weights.

OMP_NUM_THREADS=1 python -m benchmarks.universeg_speed
"""

from __future__ import annotations

import argparse
from time import process_time

import torch

from fewslice.networks.universeg import UniverSegNet


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    network = UniverSegNet([(64, 64)] * 4, [(64, 64)] * 3).eval()
    image = torch.rand(128, 128)
    with torch.inference_mode():
        for count in (1, 3, 16, 64):
            examples = torch.rand(count, 2, 128, 128)
            start = process_time()
            network(image, examples)
            print(f"{count:3} examples: {process_time() - start:.2f} CPU seconds a slice")


if __name__ == "__main__":
    main()
