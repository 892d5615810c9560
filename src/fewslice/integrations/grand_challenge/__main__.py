"""What the container runs: ``python -m fewslice.integrations.grand_challenge [exec|invoke]``.

Folders are those of the platform; ``FEWSLICE_INPUT``, ``FEWSLICE_OUTPUT``, ``FEWSLICE_MODEL`` and
``FEWSLICE_APPLICATION`` name others for trying it without a container.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from fewslice.errors import FewsliceError
from fewslice.integrations.grand_challenge.algorithm import Algorithm, Folders

_WAYS = ("exec", "invoke")
_PORT = "4743"  # the platform's


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Answer one job, or one after the other; return the exit code: 0, or 2 if it could not be."""
    way = arguments[0] if arguments else "exec"
    try:
        if way not in _WAYS or len(arguments) > 1:
            raise FewsliceError(f"Expected one of {', '.join(_WAYS)}; found {' '.join(arguments)}.")
        algorithm = Algorithm.load(_folders(environment))
        if way == "exec":
            algorithm.run()
        else:
            _serve(algorithm, int(environment.get("FEWSLICE_PORT", _PORT)))
    except FewsliceError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - a job's log is what is printed
        return 2
    return 0


def _folders(environment: Mapping[str, str]) -> Folders:
    named = {
        name: Path(environment[variable])
        for name in ("input", "output", "model", "application")
        if (variable := f"FEWSLICE_{name.upper()}") in environment
    }
    return Folders(**named)


def _serve(algorithm: Algorithm, port: int) -> None:
    from fewslice.integrations.grand_challenge.invoke import server

    with server(algorithm, ("0.0.0.0", port)) as waiting:  # noqa: S104 - asked from outside
        waiting.serve_forever()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
