"""Ten thousand damaged files over all readers: the table of docs/results/mutated-files.md.

    nice -n 10 python -m benchmarks.mutated_files --data DATA -o docs/results/mutated-files.csv
    python -m benchmarks.mutated_files --only .vol --count 300     # one reader

Files are read in processes of their own, which may ask for 2 GB each. What comes of a file is
"volume" or "refused"; all else is a fault and is printed with the numbers that make it again:
"traceback" (an error that is not fewslice's), "sentence" (one that does not name the file in one
line), "memory" (more than 2 GB), "slow" (more than 10 s of processor time), "crash" (the process
died), "written" (something was written beside the file). Also counted, but no fault: "printed", of
the files that come to something all the same, those at which a library printed its own words.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from benchmarks.mutation_bombs import bombs
from benchmarks.mutation_samples import Sample, made_samples, real_samples
from benchmarks.mutations import DICOM, GENERAL, GZIP, TEXT, Mutation, within

MEMORY = 2 << 30  # bytes that reading may ask for
SECONDS = 10  # of processor time
PATIENCE = 600  # seconds of the clock; other programs may be running
BOMB_SIZES = (3 << 30, 10 << 30)
OUTCOMES = ("volume", "refused", "traceback", "sentence", "memory", "slow", "crash", "written")
FINE = ("volume", "refused")
LONGEST = 600  # characters of a sentence
BATCH = 500  # files a process

Line = list[Any]
"""What a worker tells: number of sample and copy, mutation, and the fields of an `Outcome`."""


@dataclass(frozen=True)
class Outcome:
    """What came of a file.

    told: the sentence, or the error that should not have been. printed: what libraries printed.
    memory: MB that reading took.
    """

    kind: str
    told: str = ""
    printed: str = ""
    memory: int = 0


def mutations_of(sample: Sample, content: bytes) -> dict[str, Mutation]:
    """Return how a file can be damaged, by name."""
    more = {"text": TEXT, "dicom": DICOM}.get(sample.kind, {})
    found = {**GENERAL, **more}
    # What a header says is what readers believe: damage it more often.
    found |= {f"{name} again": each for name, each in more.items()}
    if content[:2] == GZIP:
        found |= {f"{name}, within": within(each) for name, each in found.items()}
    return found


def damage(sample: Sample, content: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """Return the name of a mutation and what it makes of a file."""
    choices = mutations_of(sample, content)
    name = list(choices)[int(rng.integers(len(choices)))]
    try:
        return name.removesuffix(" again"), choices[name](content, rng)
    except (OSError, EOFError):  # a real file whose gzip stream has something behind it
        return "truncated", GENERAL["truncated"](content, rng)


def outcome(sample: Sample) -> Outcome:
    """Read a sample as it lies there and return what came of it."""
    from fewslice.errors import FewsliceError
    from fewslice.io import read_image, read_labels

    try:
        if sample.labels:
            scan = None if sample.scan is None else read_image(sample.scan)
            found: Any = read_labels(sample.path, scan)
        else:
            found = read_image(sample.path)
    except FewsliceError as error:
        return _refused(sample, error)
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return Outcome("traceback", f"{type(error).__name__}: {error}")
    if found.array.ndim not in (3, 4) or not np.isfinite(found.array).all():
        return Outcome("traceback", "a volume with voxels that are no numbers")
    if found.array.shape[-3:] != found.geometry.shape:
        return Outcome("traceback", "a volume whose grid has another shape")
    return Outcome("volume")


def _refused(sample: Sample, error: Exception) -> Outcome:
    text = str(error)
    if isinstance(error.__cause__, MemoryError):
        return Outcome("memory", text)
    told = text.rstrip()
    names = [str(sample.path), *map(str, sample.victims)]
    sentence = "\n" not in told and told.endswith((".", ")")) and len(told) < LONGEST
    return Outcome(
        "refused" if sentence and any(each in told for each in names) else "sentence", told
    )


def listing(folder: Path) -> list[tuple[str, int, int]]:
    """Return the files of a folder with their sizes and times."""
    files = (each for each in sorted(folder.rglob("*")) if each.is_file())
    return [(str(each), each.stat().st_size, each.stat().st_mtime_ns) for each in files]


def work(
    samples: Sequence[Sample], plan: Sequence[tuple[int, int]], seed: int, told: IO[str]
) -> None:
    """Damage and read samples by their numbers, and tell what comes of each, a line a file.

    plan: number of the sample and of its copy.
    """
    scratch = Path(tempfile.gettempdir())
    for index, number in plan:
        sample = samples[index]
        rng = np.random.default_rng([seed, index, number])
        victim = sample.victims[int(rng.integers(len(sample.victims)))]
        whole = victim.read_bytes()
        name, content = damage(sample, whole, rng)
        victim.write_bytes(content)
        tell(told, [index, number, name], Outcome("begun"))
        tell(told, [index, number, name], watched(sample, scratch))
        victim.write_bytes(whole)


def tell(stream: IO[str], which: list[Any], found: Outcome) -> None:
    print(json.dumps([*which, *astuple(found)]), file=stream, flush=True)


def watched(sample: Sample, scratch: Path) -> Outcome:
    """Return what came of a sample, with an eye on time, memory and what is written."""
    folder = sample.path if sample.path.is_dir() else sample.path.parent
    before, printed = (listing(folder), listing(scratch)), os.fstat(2).st_size
    start = _reset_peak()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    found = outcome(sample)
    signal.setitimer(signal.ITIMER_PROF, 0)
    memory = _peak() - start
    if found.kind in FINE and memory > MEMORY:
        found = Outcome("memory", found.told)
    if found.kind in FINE and (listing(folder), listing(scratch)) != before:
        found = Outcome("written", found.told)
    said = Path("/proc/self/fd/2").read_bytes()[printed:].decode(errors="replace")
    return replace(found, printed=said[-200:], memory=memory >> 20)


def _reset_peak() -> int:
    """Let the kernel forget the peak of this process, and return what it uses now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) << 10


def worker(folder: Path, data: Path | None, seed: int) -> None:
    """Do what standard input says, in a process that may not grow."""
    plan = json.loads(sys.stdin.readline())
    told = os.fdopen(os.dup(1), "w")
    samples = [*made_samples(folder), *real_samples(folder, data)]
    scratch = folder / "scratch"
    scratch.mkdir()
    tempfile.tempdir = str(scratch)
    os.environ["TMPDIR"] = str(scratch)
    log = os.open(folder / "printed", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    used = range(len(samples)) if plan == "bombs" else {index for index, _ in plan}
    for index in used:  # libraries are loaded before memory is limited
        found = outcome(samples[index])
        if found.kind != "volume":
            raise SystemExit(f"{samples[index].reader} cannot be read undamaged: {found.told}")
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if plan == "bombs":
        _bombs(folder, scratch, told)
    else:
        work(samples, plan, seed, told)


def _bombs(folder: Path, scratch: Path, told: IO[str]) -> None:
    for size in BOMB_SIZES:
        for sample in bombs(folder / str(size), size):
            tell(told, [-1, 0, sample.reader], Outcome("begun"))
            tell(told, [-1, 0, sample.reader], watched(sample, scratch))


def told_by_workers(plan: list[tuple[int, int]], options: argparse.Namespace) -> Iterator[Line]:
    """Yield what workers tell; one that dies is followed by another, which goes on."""
    while plan:
        done = 0
        for line in lines_of_worker(plan, options):
            done += 1
            yield line
        plan = plan[done:]


def lines_of_worker(plan: object, options: argparse.Namespace) -> Iterator[Line]:
    """Yield what one worker tells; of the file on which it dies, too."""
    with tempfile.TemporaryDirectory(prefix="mutated-") as folder:
        command = [sys.executable, "-m", "benchmarks.mutated_files", "--worker", folder]
        command += ["--seed", str(options.seed)]
        command += [] if options.data is None else ["--data", str(options.data)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        ) as child:
            if child.stdin is None or child.stdout is None:
                return
            child.stdin.write(json.dumps(plan).encode() + b"\n")
            begun: Line | None = None
            while select.select([child.stdout], [], [], PATIENCE)[0]:
                text = child.stdout.readline()
                if not text:
                    break
                line: Line = json.loads(text)
                begun = line if line[3] == "begun" else None
                if begun is None:
                    yield line
            with suppress(subprocess.TimeoutExpired):
                child.wait(PATIENCE if begun is None else 1)
            child.kill()
            code = child.wait()
            if code == 1:  # not a file, but the worker itself
                raise SystemExit((Path(folder) / "printed").read_text()[-2000:])
    if begun is not None:
        slow = code in (-signal.SIGPROF, -signal.SIGKILL)
        yield [*begun[:3], "slow" if slow else "crash", f"ended with {code}", "", 0]


def collect(options: argparse.Namespace) -> dict[str, Counter[str]]:
    """Run all, print what went wrong, and return the outcomes of each reader."""
    with tempfile.TemporaryDirectory(prefix="mutated-") as folder:
        place = Path(folder)
        made, real = made_samples(place), real_samples(place, options.data)
        readers = [sample.reader for sample in (*made, *real)]
    chosen = [n for n, reader in enumerate(readers) if options.only in reader]
    plan = [(chosen[n % len(chosen)], n // len(chosen)) for n in range(options.count)]
    plan.sort()
    found: dict[str, Counter[str]] = {}
    batches = [plan[at : at + BATCH] for at in range(0, len(plan), BATCH)]
    lines = (line for batch in batches for line in told_by_workers(batch, options))
    for index, number, name, *told in lines:
        note(found, readers[index], Outcome(*told), f"({index}, {number}) {name}")
    if not options.only or options.only == "bomb":
        for _, _, name, *told in lines_of_worker("bombs", options):
            note(found, "bombs", Outcome(*told), name)
    return found


def note(found: dict[str, Counter[str]], reader: str, each: Outcome, which: str) -> None:
    """Count an outcome, keep the most memory that any file took, and print faults."""
    counts = found.setdefault(reader, Counter())
    counts[each.kind] += 1
    counts["printed"] += bool(each.printed)
    counts["MB"] = max(counts["MB"], each.memory)
    if each.kind not in FINE:
        print(f"{reader} {which}: {each.kind}, {each.memory} MB: {each.told[:300]}", flush=True)
    elif each.printed:
        print(f"{reader} {which}: printed: {each.printed.strip()[:200]!r}", flush=True)


def table(found: dict[str, Counter[str]]) -> list[list[str]]:
    """Return the rows of the table, readers by name and all together last."""
    kinds = [*OUTCOMES, "printed"]
    rows, total = [["reader", "files", *kinds, "most MB"]], Counter[str]()
    for reader, counts in [*sorted(found.items()), ("all", total)]:
        files = sum(counts[kind] for kind in OUTCOMES)
        rows.append([reader, str(files), *(str(counts[kind]) for kind in (*kinds, "MB"))])
        total.update({kind: counts[kind] for kind in kinds})
        total["MB"] = max(total["MB"], counts["MB"])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, help="folder of data sets, for real scans")
    parser.add_argument("--only", default="", help="part of the name of a reader, or bomb")
    parser.add_argument("-o", "--output", type=Path, help="CSV of the table")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker is not None:
        worker(options.worker, options.data, options.seed)
        return
    rows = table(collect(options))
    if options.output is not None:
        with options.output.open("w", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows(rows)
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
