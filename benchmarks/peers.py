"""`auto` beside two peers that people have at hand: the tables of docs/results/peers.md.

    nice -n 10 python -m benchmarks.peers --data DIR --work DIR [--sets 110,113]  # resumable
    python -m benchmarks.peers --work DIR --tables-only  # prints what has been run so far

The peers are ITK's morphological contour interpolation ("fill between slices") and its fast GrowCut
("grow from seeds"), both as in 3D Slicer. They run in an environment of their own in the work
folder, made from a package index the first time. The slices drawn and the scores are those of
`fewslice evaluate`, which gives the answers of `auto`; with --auto DIR they are taken from a work
folder of `benchmarks/accuracy.py` instead. Each peer is asked in several variants
(`benchmarks/peer_questions.py`); the tables count the one with the best mean on a set and number of
slices, chosen with the truth in hand.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy import CASE, RUNS, SETS, TASK, Choice, markdown, names_in, read
from benchmarks.accuracy import run as run_accuracy
from benchmarks.peer_questions import PEERS, questions
from fewslice.annotation.planes import plane_axis
from fewslice.evaluation.annotator import strided
from fewslice.evaluation.dataset import CaseFiles, find_dataset, read_case
from fewslice.evaluation.task import Task, dice_within_extent, reason_to_skip
from fewslice.metrics.overlap import dice
from fewslice.networks.shipped import shipped_weights
from fewslice.typing import BoolArray

PACKAGES = (
    "itk==5.4.7",
    "itk-growcut==1.0.1",
    "itk-morphologicalcontourinterpolation==2.1.2",
    "numpy==2.4.6",
)
PEER_SCRIPT = Path(__file__).parent / "peer_itk.py"
SLICES = tuple(int(count) for count in RUNS["strided"].slices.split(","))
COLUMNS = [*TASK, "engine", "variant", "dice", "dice_extent"]
MOST_BELOW = 0.02


def environment(work: Path) -> Path:
    """Return a Python with the peers, made in the work folder unless it is there."""
    folder = work / "peer-environment"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    complete = folder / "complete"
    if not complete.exists():
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        complete.touch()
    return python


def tasks_of(case: CaseFiles, plane: str) -> Iterator[Task]:
    """Yield the tasks of a case that `fewslice evaluate` scores."""
    image, labels = read_case(case)
    axis = plane_axis(image.geometry, plane)
    for structure in case.structures_in(labels.array):
        mask = structure.mask(labels.array)
        if not (case.knows(structure) and mask.any()):
            continue
        for count in SLICES:
            task = Task(case.name, image, structure, mask, count, strided(mask, axis, count))
            if reason_to_skip(task) is None:
                yield task


@contextmanager
def started(python: Path) -> Iterator[subprocess.Popen[str]]:
    """Start the peers' process, which takes seconds to load ITK, and end it afterwards."""
    alone = os.environ | {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}
    alone.pop("PYTHONPATH", None)
    command = [str(python), str(PEER_SCRIPT)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=alone, text=True, stdin=pipe, stdout=pipe) as process:
        yield process


def ask(process: subprocess.Popen[str], folder: Path) -> None:
    """Let the peers answer all questions in a folder."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("The peers' process was started without pipes.")
    process.stdin.write(f"{folder}\n")
    process.stdin.flush()
    if process.stdout.readline() != "done\n":
        raise RuntimeError("The peers' process ended early; its message is above.")


def answered(task: Task, process: subprocess.Popen[str]) -> Iterator[list[object]]:
    """Yield a row for every variant of every peer: the last four columns of `COLUMNS`."""
    asked = list(questions(task))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, each in enumerate(asked):
            np.savez(folder / f"{number}.npz", allow_pickle=False, **each.arrays)
        ask(process, folder)
        for number, each in enumerate(asked):
            mask = each.whole(np.load(folder / f"{number}.npy"), task)
            extent = dice_within_extent(task, mask)
            yield [each.peer, each.variant, _dice(mask, task), extent]


def _dice(mask: BoolArray, task: Task) -> float:
    """Return Dice as `score_slices` does, without the time that it takes for surfaces."""
    axis = task.revealed.axis
    kept = [index for index in range(mask.shape[axis]) if index not in task.annotated]
    return dice(mask.take(kept, axis=axis), task.mask.take(kept, axis=axis))


def run_peers(data: Path, work: Path, choice: Choice) -> None:
    """Ask the peers what is not in the work folder yet; a task is written as a whole."""
    table = work / "peers.csv"
    if not table.exists():
        pd.DataFrame(columns=COLUMNS).to_csv(table, index=False)
    done = set(_tasks(_read(table)))
    with started(environment(work)) as process:
        for number, task in all_tasks(data, choice):
            key = (number, task.case, task.structure.name, task.count)
            if key not in done:
                rows = [[*key, *row] for row in answered(task, process)]
                frame = pd.DataFrame(rows, columns=COLUMNS)
                frame.to_csv(table, mode="a", header=False, index=False)


def all_tasks(data: Path, choice: Choice) -> Iterator[tuple[str, Task]]:
    """Yield set and task."""
    for number in choice.sets:
        of = SETS[number]
        dataset = find_dataset(data / of.folder, most=choice.cases)
        if of.channels is not None:
            dataset = dataset.with_channels(of.channels)
        for case in dataset.cases:
            for task in tasks_of(case, of.plane):
                yield number, task


def _read(table: Path) -> pd.DataFrame:
    return pd.read_csv(table, dtype=dict.fromkeys(("set", "case", "structure"), "str"))


def _tasks(scores: pd.DataFrame) -> list[tuple[object, ...]]:
    return list(scores[TASK].drop_duplicates().itertuples(index=False, name=None))


def auto_folder(work: Path) -> Path:
    """Return where the answers of `auto` with the shipped weights are kept."""
    return work / f"auto-{shipped_weights()[1][:12]}"


def all_scores(work: Path, auto: Path) -> pd.DataFrame:
    """Return the rows of all variants and of `auto`, on the tasks that both were given."""
    ours = read(auto, "strided")
    ours = ours[ours["engine"] == "auto"].assign(variant="")
    peers = _read(work / "peers.csv")
    both = peers[TASK].drop_duplicates().merge(ours[TASK])
    return pd.concat([frame.merge(both)[COLUMNS] for frame in (ours, peers)], ignore_index=True)


def best_variants(scores: pd.DataFrame) -> pd.DataFrame:
    """Keep of each peer the variant with the best mean Dice, by set and number of slices."""
    group = ["set", "slices", "engine"]
    means = scores.groupby([*group, "variant"])["dice"].mean().reset_index()
    best = means.loc[means.groupby(group)["dice"].idxmax(), [*group, "variant"]]
    return scores.merge(best)


def means_table(best: pd.DataFrame) -> str:
    """Return mean Dice by set and number of slices."""
    rows = []
    for (number, count), part in best.groupby(["set", "slices"]):
        mean = part.groupby("engine")["dice"].mean()
        tasks = str((part["engine"] == "auto").sum())
        chosen = part[part["engine"] == PEERS[1]]["variant"].iloc[0]
        above = "yes" if all(mean["auto"] > mean[peer] for peer in PEERS) else "**no**"
        cells = [f"{mean[each]:.3f}" for each in (*PEERS, "auto")]
        rows.append([str(number), str(count), tasks, *cells, above, chosen])
    head = ["set", "slices", "tasks", *PEERS, "auto", "above both", "best variant of growing"]
    return markdown(head, rows)


def below(best: pd.DataFrame, by: list[str]) -> tuple[int, list[list[str]]]:
    """Return how many cases or tasks there are, and those where auto is far below a peer."""
    found = best.pivot_table(index=by, columns="engine", values="dice")
    rows = []
    for peer in PEERS:
        fall = (found[peer] - found["auto"]).sort_values(ascending=False)
        for key in fall[fall > MOST_BELOW].index:
            cells = [f"{found[each][key]:.3f}" for each in (peer, "auto")]
            rows.append([*map(str, key), peer, *cells, f"{fall[key]:.3f}"])
    return len(found), rows


def report(scores: pd.DataFrame) -> str:
    """Return both tables as Markdown."""
    best = best_variants(scores)
    cases, far = below(best, CASE)
    tasks, single = below(best, TASK)
    counted = (
        f"`auto` is more than {MOST_BELOW} below a peer {len(far)} times on {cases} cases (a scan "
        f"with a number of slices, the mean over its structures), and {len(single)} times on "
        f"{tasks} single structures."
    )
    parts = [means_table(best), counted]
    if far:
        parts.append(markdown([*CASE, "peer", "of the peer", "auto", "below"], far))
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path, default=Path("benchmark-results/peers"))
    parser.add_argument("--auto", type=Path, help="a work folder of benchmarks/accuracy.py")
    parser.add_argument("--sets", type=names_in(SETS), default=tuple(SETS))
    parser.add_argument("--cases", type=int, default=12, help="of a set, at most")
    parser.add_argument("--csv", type=Path, help="write all scores there")
    parser.add_argument("--tables-only", action="store_true")
    options = parser.parse_args()
    auto = options.auto or auto_folder(options.work)
    if not options.tables_only:
        if options.data is None:
            parser.error("--data is needed to run; --tables-only prints what has been run")
        options.work.mkdir(parents=True, exist_ok=True)
        choice = Choice(options.sets, ("auto",), ("strided",), options.cases)
        run_peers(options.data, options.work, choice)
        if options.auto is None:
            run_accuracy(options.data, auto, 1, choice)
    scores = all_scores(options.work, auto)
    if options.csv is not None:
        scores.round(4).to_csv(options.csv, index=False)
    print(report(scores))


if __name__ == "__main__":
    main()
