"""What tells one engine's answers from another's: its settings and the content of its files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fewslice.engines.base import Engine
from fewslice.engines.options import options_of
from fewslice.errors import WeightsError


def engine_identity(engine: Engine) -> str:
    """Return an engine as text, with the SHA-256 of the weights that it was given.

    Raises WeightsError if they do not exist.
    """
    weights = options_of(engine).weights
    return repr(engine) if weights is None else f"{engine!r} {digest_of(Path(weights))}"


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file and of FILE.json beside it, or of all files of a folder.

    Raises WeightsError.
    """
    if not path.exists():
        raise WeightsError(f"{path} does not exist; expected the weights of an engine.")
    beside = [path, path.with_suffix(".json")]
    files = sorted(path.rglob("*")) if path.is_dir() else list(dict.fromkeys(beside))
    start = path if path.is_dir() else path.parent
    digest = hashlib.sha256()
    try:
        for file in filter(Path.is_file, files):
            digest.update(f"{file.relative_to(start).as_posix()}\n".encode())
            digest.update(file.read_bytes())
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror or error}).") from error
    return digest.hexdigest()
