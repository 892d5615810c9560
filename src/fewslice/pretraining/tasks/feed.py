"""Episodes in order, made ahead by processes of their own, so that the network need not wait.

The order of episodes does not depend on the number of processes: each is made from its number.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, Dataset

from fewslice.errors import FewsliceError
from fewslice.pretraining.tasks.episodes import Episode, EpisodeSettings

Draw = Callable[[int], Episode]
"""Makes the episode of a number, always the same one."""

Opener = Callable[[], Draw]
"""Opens what episodes are made of; it travels to the processes, so it must be picklable."""

_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class BankEpisodes:
    """Episodes from a bank. part: "train" or "validation"."""

    bank: Path
    settings: EpisodeSettings
    part: str

    def __call__(self) -> Draw:
        """Open the bank."""
        from fewslice.pretraining.tasks.bank import open_bank
        from fewslice.pretraining.tasks.episodes import sample_episode

        bank = open_bank(self.bank)
        return lambda number: sample_episode(bank, number, self.settings, self.part)


class Feed:
    """Episodes in the order of their numbers; may be iterated again, from the first number.

    numbers: may go on for ever. workers: processes; 0 makes each episode when it is asked for. They
    are kept until the feed is closed. prefetch: episodes each of them makes ahead. Errors of
    fewslice in a process are raised here.
    """

    def __init__(
        self, opener: Opener, numbers: Iterable[int], *, workers: int, prefetch: int
    ) -> None:
        self._loader = _loader(opener, numbers, workers, prefetch)

    def __iter__(self) -> Iterator[Episode]:
        with _single_threaded_children():
            iterator = iter(self._loader)
        return (_checked(item) for item in iterator)

    def close(self) -> None:
        """End the processes now rather than when Python collects them."""
        iterator = self._loader._iterator
        if iterator is not None:
            getattr(iterator, "_shutdown_workers", lambda: None)()
            self._loader._iterator = None


def _loader(
    opener: Opener, numbers: Iterable[int], workers: int, prefetch: int
) -> DataLoader[Episode | _Failure]:
    return DataLoader(
        _Drawn(opener),
        batch_size=None,
        sampler=numbers,
        collate_fn=_as_it_is,
        num_workers=workers,
        prefetch_factor=prefetch if workers else None,
        # A process forked from one that holds threads can deadlock.
        multiprocessing_context="spawn" if workers else None,
        worker_init_fn=_start if workers else None,
        persistent_workers=workers > 0,
    )


@dataclass(frozen=True)
class _Failure:
    sentence: str


class _Drawn(Dataset[Episode | _Failure]):
    """Opens its source in the process that uses it."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._draw: Draw | None = None

    def __getitem__(self, number: int) -> Episode | _Failure:
        try:
            if self._draw is None:
                self._draw = self._opener()
            return self._draw(number)
        except FewsliceError as error:  # DataLoader would wrap a traceback around it
            return _Failure(str(error))


@contextmanager
def _single_threaded_children() -> Iterator[None]:
    """Let processes that are started within have one thread each in numerical libraries."""
    before = {name: os.environ.get(name) for name in _THREAD_LIMITS}
    os.environ.update(dict.fromkeys(_THREAD_LIMITS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start(_: int) -> None:
    """Leave Ctrl-C to the training process, which ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _as_it_is(item: Any) -> Any:
    return item


def _checked(item: Episode | _Failure) -> Episode:
    if isinstance(item, _Failure):
        raise FewsliceError(item.sentence)
    return item
