"""How far apart are models that learned from the same slices? Prints a Markdown table.

    python -m benchmarks.training_noise --data DATA --set Dataset004_Hippocampus --plane 1

Slices are drawn as at the start of `fewslice simulate --question pool`; models differ in the seed
of their training alone. A strategy has to win by more than that, divided by the root of its runs.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from fewslice.evaluation.simulation.pool import PoolTask, dice_of_trainings
from fewslice.evaluation.simulation.settings import SimulationSettings


def main() -> None:
    """Read the command line, train and print a line for each number of slices."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", required=True)
    parser.add_argument("--plane", default="auto")
    parser.add_argument("--slices", type=int, nargs="+", default=[8, 16])
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--cases", type=int, default=16)
    parser.add_argument("--test-cases", type=int, default=8)
    given = parser.parse_args()
    print("| slices | drawn with seed | Dice of each training | mean | standard deviation |")
    print("|---|---|---|---|---|", flush=True)
    for count in given.slices:
        for seed in given.seeds:
            settings = SimulationSettings(
                "pool",
                ("random",),
                budget=count,
                start=count,
                steps=given.steps,
                plane=given.plane,
                most_cases=given.cases,
                test_cases=given.test_cases,
            )
            found = dice_of_trainings(
                PoolTask(given.data / given.set, "random", seed, settings), given.repeats
            )
            shown = ", ".join(f"{dice:.3f}" for dice in found)
            spread = statistics.stdev(found)
            mean = statistics.mean(found)
            print(f"| {count} | {seed} | {shown} | {mean:.3f} | {spread:.3f} |", flush=True)


if __name__ == "__main__":
    main()
