"""A worker process of this computer: ``python -m fewslice.batch.worker``.

It reads jobs from its standard input and writes outcomes to what was its standard output, until
the input ends, as it does when the process that gives the jobs is no more.
"""

from __future__ import annotations

import os
import pickle
import sys
from contextlib import suppress
from typing import IO

import cloudpickle

from fewslice._version import __version__
from fewslice.batch.job import perform, unexpected

READY = "ready"
"""What a worker says first."""


def pack(content: object) -> bytes:
    """Return something as a message; also what was defined in the script that is being run."""
    message: bytes = cloudpickle.dumps(content)
    return message


def send(stream: IO[bytes], message: bytes) -> None:
    """Write a message to another process of this computer. Raises OSError if it is gone."""
    # A pickle of a pickle: what cannot be unpacked there is still read to its end, no further.
    pickle.dump(message, stream)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes:
    """Return the next message. Raises EOFError if the other process is gone."""
    try:
        message: bytes = pickle.load(stream)  # noqa: S301 - from our own process
    except (pickle.UnpicklingError, OSError):  # cut off in the middle
        raise EOFError from None
    return message


def main() -> None:
    """Do jobs until there are no more."""
    given = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what jobs print must not come between outcomes
    send(answers, pack(READY))
    with suppress(EOFError):
        while True:
            key = receive(given).decode()
            send(answers, _answer(key, receive(given)))


def _answer(key: str, call: bytes) -> bytes:
    try:
        function, job = pickle.loads(call)  # noqa: S301 - from our own process
        return pack(perform(function, job, __version__))
    except Exception as error:  # noqa: BLE001 - one job's failure must not end the others
        return pack(unexpected(key, error))


if __name__ == "__main__":
    main()
