"""Jobs in this process, in processes of this computer, and on a real cluster with losses."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from fewslice.batch import cluster as clusters
from fewslice.batch.job import perform
from fewslice.batch.jobs import Job, Outcome, stream
from fewslice.errors import FewsliceError, InputError, ReadError
from fewslice.processors import available_processors
from tests.support.dask_cluster import Cluster, dask_cluster, finds_tests, until
from tests.support.job_functions import (
    calls,
    endless,
    environment,
    held,
    hoarding,
    loaded,
    meet,
    square,
    threads,
    troubled,
    unpackable,
)

SQUARES = {str(number): number * number for number in range(12)}


def jobs(folder: Path, count: int = 12) -> Iterator[Job]:
    return (Job(str(number), (folder, number)) for number in range(count))


def results(outcomes: Iterator[Outcome]) -> dict[str, object]:
    return {each.key: each.failure or each.result for each in outcomes}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with dask_cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


def test_one_worker_is_this_process(tmp_path: Path) -> None:
    assert results(stream(square, jobs(tmp_path), workers=1)) == SQUARES
    assert {path.name.split(".")[1] for path in tmp_path.iterdir()} == {str(os.getpid())}


def test_results_come_one_by_one(tmp_path: Path) -> None:
    outcomes = stream(square, jobs(tmp_path), workers=1)
    assert next(outcomes) == Outcome("0", 0)
    assert calls(tmp_path) == {"0": 1}


def test_no_jobs() -> None:
    assert list(stream(square, [], workers=2)) == []


def test_failures_are_told_apart(tmp_path: Path) -> None:
    some = [Job(str(number), (tmp_path, number)) for number in (0, 1, 2)]
    zero, refused, broken = stream(troubled, some, workers=1)
    assert zero == Outcome("0", 0)
    assert refused == Outcome("1", None, "One is not wanted; give another number.")
    assert broken.failure == (
        "It failed in a way that was not foreseen (ZeroDivisionError: two is a bug): a fault of "
        "the program."
    )
    assert broken.trace is not None
    assert "job_functions.py" in broken.trace


@pytest.mark.slow
def test_processes_of_this_computer(tmp_path: Path) -> None:
    """One job that refuses, one that breaks and one that ends its worker leave the others alone."""
    before = set(psutil.Process().children(recursive=True))
    found = results(stream(troubled, jobs(tmp_path), workers=2))
    assert {key: found[key] for key in SQUARES if key not in "123"} == {
        key: value for key, value in SQUARES.items() if key not in "123"
    }
    assert found["1"] == "One is not wanted; give another number."
    assert "ZeroDivisionError" in str(found["2"])
    assert str(found["3"]).startswith("Every worker that tried it was lost")
    assert found.keys() == SQUARES.keys()
    left = set(psutil.Process().children(recursive=True)) - before
    assert not [each for each in left if "popen_loky" in " ".join(each.cmdline())]


@pytest.mark.slow
def test_a_killed_process_of_this_computer_makes_no_difference(tmp_path: Path) -> None:
    def kill() -> None:
        until(lambda: any(tmp_path.glob("0.*")), "job 0")
        os.kill(int(next(tmp_path.glob("0.*")).name.split(".")[1]), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    assert results(stream(held, jobs(tmp_path), workers=2)) == SQUARES
    killer.join()
    assert calls(tmp_path) == dict.fromkeys(sorted(SQUARES), 1) | {"0": 2}


def test_processes_of_this_computer_do_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    asked = [Job(name, (name,)) for name in ("distributed", "fewslice")]
    assert results(stream(loaded, asked, workers=2)) == {"distributed": False, "fewslice": True}


def test_what_cannot_be_sent_fails_alone(tmp_path: Path) -> None:
    """A job whose argument, and one whose result, cannot leave its process."""
    lock = threading.Lock()
    some = [Job("argument", (tmp_path, lock)), Job("result", (tmp_path, None))]
    found = results(stream(unpackable, [*some, Job("2", (tmp_path, 2))], workers=2))
    assert "cannot pickle" in str(found["argument"])
    assert "cannot pickle" in str(found["result"])
    assert found["2"] == 2


@pytest.mark.slow
def test_functions_of_a_script(tmp_path: Path) -> None:
    """What a person runs as a script, without a main guard, can do its own functions as jobs."""
    script = tmp_path / "script.py"
    script.write_text(
        "from fewslice.batch.jobs import Job, stream\n"
        "def double(number):\n"
        "    print('printed by a job')\n"
        "    return 2 * number\n"
        "print(sorted(each.result for each in stream(double, [Job('a', (1,)), Job('b', (2,))])))\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", script], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("[2, 4]\n", "")


def test_processes_that_cannot_start_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))  # where there is no Python
    with pytest.raises(FewsliceError, match=r"could not be started \(.+\); use --workers 1"):
        list(stream(square, jobs(tmp_path), workers=2))


def test_workers_share_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "77")  # what they are told counts, not what was there
    share = str(max(1, available_processors() // 2))
    answers = [each.result for each in stream(threads, [Job(str(n), (n,)) for n in range(2)])]
    assert {number for _, number in answers} == {share}
    assert os.getpid() not in {process for process, _ in answers}


def test_a_version_that_differs_is_named(tmp_path: Path) -> None:
    outcome = perform(square, Job("a", (tmp_path, 1)), "0.0.1")
    assert outcome.failure is not None
    assert "but the job came from 0.0.1; install the same version for both" in outcome.failure
    assert calls(tmp_path) == {}


@pytest.mark.slow
def test_a_cluster_does_the_same(cluster: Cluster, tmp_path: Path) -> None:
    assert results(stream(square, jobs(tmp_path), scheduler=cluster.address)) == SQUARES
    assert calls(tmp_path) == dict.fromkeys(sorted(SQUARES), 1)
    assert str(os.getpid()) not in {path.name.split(".")[1] for path in tmp_path.iterdir()}
    few = [Job("7", (tmp_path, 7))]
    assert results(stream(square, few, scheduler=str(cluster.file))) == {"7": 49}


@pytest.mark.slow
def test_jobs_are_read_as_they_are_needed(cluster: Cluster, tmp_path: Path) -> None:
    asked: list[str] = []

    def many() -> Iterator[Job]:
        for job in jobs(tmp_path, 5000):
            asked.append(job.key)
            yield job

    outcomes = stream(square, many(), scheduler=cluster.address)
    first = [next(outcomes).key for _ in range(3)]
    outcomes.close()  # type: ignore[attr-defined]
    assert len(set(first)) == 3
    assert len(asked) < 20


@pytest.mark.slow
def test_workers_that_come_later_get_work(tmp_path: Path) -> None:
    """Work begins before there is a worker, when only one job is sent."""
    folder = tmp_path / "calls"
    folder.mkdir()
    with dask_cluster(tmp_path) as two:
        found = results(stream(meet, jobs(folder, 2), scheduler=two.address))
    assert found == {"0": True, "1": True}


@pytest.mark.slow
def test_a_killed_worker_makes_no_difference(tmp_path: Path) -> None:
    """The worker that is at job 0 is killed while it is; somebody else does it again."""
    folder = tmp_path / "calls"
    folder.mkdir()
    with dask_cluster(tmp_path) as two:

        def kill() -> None:
            until(lambda: any(folder.glob("0.*")), "job 0")
            os.kill(int(next(folder.glob("0.*")).name.split(".")[1]), signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        found = results(stream(held, jobs(folder), scheduler=two.address))
        killer.join()
        ended = [process.poll() for process in two.workers]
    assert found == SQUARES
    assert calls(folder)["0"] == 2
    assert sorted(ended, key=str) == [-signal.SIGKILL, None]


@pytest.mark.slow
def test_a_scheduler_that_goes_away_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "_PATIENCE", 3)  # it may come back meanwhile
    folder = tmp_path / "calls"
    folder.mkdir()
    with dask_cluster(tmp_path, workers=1) as one:
        outcomes = stream(endless, jobs(folder), scheduler=one.address)
        assert next(outcomes) == Outcome("0", 0)
    with pytest.raises(FewsliceError, match="scheduler or its workers were lost"):
        next(outcomes)


@pytest.mark.slow
def test_a_connection_that_ends_badly_hides_nothing(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import Client

    closed = Client.close

    def close(client: Client, **timeout: float) -> None:
        closed(client, **timeout)
        if not timeout:  # one of another test, as it is thrown away
            return
        raise RuntimeError("Cannot change state of expiring Timeout")  # as distributed does

    monkeypatch.setattr(Client, "close", close)
    assert results(stream(square, jobs(tmp_path), scheduler=cluster.address)) == SQUARES


@pytest.mark.parametrize(
    ("address", "kind", "message"),
    [
        ("nonsense", InputError, "not the address of a scheduler; expected tcp://HOST:PORT"),
        ("127.0.0.1:99999", InputError, "not the address of a scheduler"),
        ("missing.json", ReadError, r"There is no file missing\.json"),
    ],
)
def test_a_wrong_address(address: str, kind: type[FewsliceError], message: str) -> None:
    with pytest.raises(kind, match=message):
        list(stream(square, [Job("a")], scheduler=address))


@pytest.mark.slow
def test_nobody_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_PATIENCE", 1)
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(FewsliceError, match=f"No Dask scheduler answers at {address}; start"):
            list(stream(square, [Job("a")], scheduler=address))


def test_a_cluster_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r'pip install "fewslice\[cluster\]"'):
        list(stream(square, [Job("a")], scheduler="tcp://127.0.0.1:8786"))


def test_numbers_of_workers() -> None:
    with pytest.raises(InputError, match="number of workers is 0"):
        stream(square, [], workers=0)
    with pytest.raises(InputError, match="leave one of the two out"):
        stream(square, [], workers=2, scheduler="tcp://127.0.0.1:1")


@pytest.mark.slow
def test_a_process_that_has_loaded_its_libraries_is_kept(tmp_path: Path) -> None:
    assert results(stream(hoarding, jobs(tmp_path, 6), workers=2)) == {
        str(number): number * number for number in range(6)
    }
    assert len({path.name.split(".")[1] for path in tmp_path.iterdir()}) == 2


def test_growth_allowed_by_the_user_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "LOKY_MAX_MEMORY_LEAK_SIZE"
    asked = [Job(f"{number}", (name,)) for number in range(2)]
    monkeypatch.delenv(name, raising=False)
    assert results(stream(environment, asked, workers=2)) == {"0": "2e9", "1": "2e9"}
    monkeypatch.setenv(name, "7e9")
    assert results(stream(environment, asked, workers=2)) == {"0": "7e9", "1": "7e9"}


def test_no_thread_outlives_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a program that ends meanwhile leaves semaphores behind; here threads end slowly."""
    from loky.backend.queues import Queue

    feed = Queue._feed

    def slowly(*arguments: object) -> None:
        feed(*arguments)
        time.sleep(1)

    monkeypatch.setattr(Queue, "_feed", staticmethod(slowly))
    before = set(threading.enumerate())
    assert results(stream(square, jobs(tmp_path), workers=2)) == SQUARES
    assert set(threading.enumerate()) <= before


@pytest.mark.slow
def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    """A program without a main guard, stopped while its workers are busy."""
    folder = tmp_path / "calls"
    folder.mkdir()
    script = tmp_path / "script.py"
    script.write_text(
        "import signal\n"
        "from pathlib import Path\n"
        "from fewslice.batch.jobs import Job, stream\n"
        "from tests.support.job_functions import endless\n"
        # It is ignored where tests run detached.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"folder = Path({str(folder)!r})\n"
        "try:\n"
        "    for each in stream(endless, [Job(str(n), (folder, n)) for n in range(9)]):\n"
        "        print(each.key, flush=True)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n",
        encoding="utf-8",
    )
    program = subprocess.Popen(
        [sys.executable, "-W", "error", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=finds_tests(),
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "0\n"
    until(lambda: len(calls(folder)) >= 3, "two busy workers")
    family = psutil.Process(program.pid).children(recursive=True)
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert (out.split(), err, program.returncode) == (["interrupted"], "", 0)
    until(lambda: not any(_alive(each) for each in family), "the end of the workers")


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
