"""Long work: each job goes to one worker, can be cancelled, and never vanishes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from fewslice.errors import InputError, NotFoundError
from fewslice.project import jobs
from fewslice.project.database import writing
from fewslice.project.events import watch
from fewslice.project.jobs import Job
from tests.support.projects import SmallProject


def queued(small: SmallProject, kind: str = "segment") -> Job:
    return jobs.enqueue(small.project, kind, small.scan, {"near": [2, 6]}, by=small.ann)


def test_a_job_runs_and_ends_with_its_result(small: SmallProject) -> None:
    job = queued(small)
    assert (job.state, job.payload, job.fraction) == ("queued", {"near": [2, 6]}, 0.0)
    claimed = jobs.claim(small.project, "worker 1")
    assert claimed is not None
    assert (claimed.id, claimed.state, claimed.worker) == (job.id, "running", "worker 1")
    assert jobs.progress(small.project, job.id, 0.4, "refining")
    assert jobs.get_job(small.project, job.id).fraction == 0.4
    done = jobs.finish(small.project, job.id, {"answer": 3})
    assert (done.state, done.fraction, done.result) == ("finished", 1.0, {"answer": 3})
    assert jobs.claim(small.project, "worker 1") is None
    told = [
        (each.data["state"], each.data["fraction"])
        for each in watch(small.project, 0)
        if each.job_id == job.id
    ]
    assert told == [("queued", 0.0), ("running", 0.0), ("running", 0.4), ("finished", 1.0)]


def test_the_oldest_job_of_the_wanted_kind_comes_first(small: SmallProject) -> None:
    train, first, second = queued(small, "train"), queued(small), queued(small)
    claimed = [jobs.claim(small.project, "w", ["segment"]) for _ in range(3)]
    assert [each and each.id for each in claimed] == [first.id, second.id, None]
    assert jobs.claim(small.project, "w").id == train.id  # type: ignore[union-attr]


def test_no_job_goes_to_two_workers(small: SmallProject) -> None:
    for _ in range(6):
        queued(small)
    with ThreadPoolExecutor(4) as pool:
        claimed = list(pool.map(lambda n: jobs.claim(small.project, f"w{n}"), range(8)))
    got = [each.id for each in claimed if each is not None]
    assert len(got) == len(set(got))
    while (more := jobs.claim(small.project, "last")) is not None:
        got.append(more.id)
    assert sorted(got) == [each.id for each in reversed(jobs.list_jobs(small.project))]


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_is_asked(
    small: SmallProject,
) -> None:
    waiting, running = queued(small), queued(small)
    assert jobs.cancel(small.project, waiting.id).state == "cancelled"
    assert jobs.claim(small.project, "w").id == running.id  # type: ignore[union-attr]
    assert jobs.heartbeat(small.project, running.id)
    asked = jobs.cancel(small.project, running.id)
    assert (asked.state, asked.cancelled) == ("running", True)
    assert not jobs.heartbeat(small.project, running.id)
    assert not jobs.progress(small.project, running.id, 0.9)
    assert jobs.cancelled(small.project, running.id).state == "cancelled"


def test_what_has_ended_stays_as_it_ended(small: SmallProject) -> None:
    job = queued(small)
    jobs.claim(small.project, "w")
    assert jobs.fail(small.project, job.id, "It failed.").text == "It failed."
    for step in (jobs.finish, jobs.cancel, jobs.cancelled):
        assert step(small.project, job.id).state == "failed"
    assert not jobs.progress(small.project, job.id, 0.5)
    assert jobs.get_job(small.project, job.id).fraction == 0.0


def test_jobs_whose_worker_went_away_say_so(small: SmallProject) -> None:
    silent, alive, waiting = queued(small), queued(small), queued(small)
    jobs.claim(small.project, "w1")
    jobs.claim(small.project, "w2")
    small.clock.advance(minutes=2)
    jobs.heartbeat(small.project, alive.id)
    marked = jobs.mark_interrupted(small.project, timedelta(minutes=1))
    assert [(each.id, each.state) for each in marked] == [(silent.id, "interrupted")]
    assert "interrupted before it was finished" in marked[0].text
    assert [each.id for each in jobs.mark_interrupted(small.project)] == [alive.id]
    assert jobs.claim(small.project, "w3").id == waiting.id  # type: ignore[union-attr]


def test_a_job_comes_with_what_it_is_about_or_not_at_all(small: SmallProject) -> None:
    def enqueue_and_fail() -> None:
        with writing(small.project) as session:
            jobs.enqueue(small.project, "train", by=small.ann, session=session)
            raise InputError("The rest of the transaction failed.")

    with pytest.raises(InputError, match="The rest"):
        enqueue_and_fail()
    assert jobs.list_jobs(small.project) == []


def test_jobs_are_listed_by_state_newest_first(small: SmallProject) -> None:
    first, second = queued(small), queued(small)
    jobs.claim(small.project, "w")
    assert [each.id for each in jobs.list_jobs(small.project)] == [second.id, first.id]
    assert [each.id for each in jobs.list_jobs(small.project, states=["queued"])] == [second.id]
    assert len(jobs.list_jobs(small.project, most=1)) == 1
    with pytest.raises(NotFoundError, match="no job 99"):
        jobs.get_job(small.project, 99)
    with pytest.raises(NotFoundError, match="no job 99"):
        jobs.cancel(small.project, 99)


def test_the_newest_finished_job_is_found_of_a_kind_a_scan_and_a_person(
    small: SmallProject,
) -> None:
    def finished(kind: str, annotator: int | None, state: str = jobs.FINISHED) -> int:
        payload = {"annotator": annotator}
        job = jobs.enqueue(small.project, kind, small.scan, payload, by=small.ann)
        end = jobs.finish if state == jobs.FINISHED else jobs.cancelled
        end(small.project, job.id)
        return job.id

    def newest(annotator: int | None = None, scan: int = small.scan) -> int | None:
        found = jobs.latest_finished(small.project, "suggest", scan, annotator)
        return None if found is None else found.id

    assert newest() is None
    finished("suggest", None)
    second, hers = finished("suggest", None), finished("suggest", small.ann)
    finished("segment", None)
    finished("suggest", None, jobs.CANCELLED)
    assert (newest(), newest(small.ann), newest(small.bob)) == (second, hers, None)
    assert newest(scan=small.scan + 1) is None


def test_only_what_has_waited_is_taken_by_who_asks_for_that(small: SmallProject) -> None:
    job = queued(small)
    patience = timedelta(seconds=5)
    small.clock.advance(seconds=4.9)
    assert jobs.claim(small.project, "worker 2", waited=patience) is None
    small.clock.advance(seconds=0.1)
    claimed = jobs.claim(small.project, "worker 2", waited=patience)
    assert claimed is not None
    assert claimed.id == job.id
