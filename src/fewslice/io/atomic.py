"""Replacing a file as a whole: after a crash there is the old file or the new one, never a part."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fewslice.errors import WriteError
from fewslice.io.formats import LABEL_SUFFIXES, listed, suffix_of


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`, with its suffix; move it there at the end.

    The body writes the file at the yielded path. When it ends without an error, the file is
    flushed to disk and takes the place of `path`, keeping the permissions of an old file. When it
    raises, the temporary file is removed and an old file stays as it is. A symbolic link is
    followed. Raises WriteError if the folder is missing or not writable, or if the body raises
    OSError (such as a full disk).
    """
    target = _target(path)
    temporary = _new_file(target)
    try:
        yield temporary
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        _flush(temporary)
        os.replace(temporary, target)  # noqa: PTH105 - tests replace os.replace to simulate a crash
        _flush_folder(target.parent)
    except OSError as error:
        raise WriteError(
            f"{path} cannot be written ({error.strerror or error}); whatever was there before is "
            "untouched: free space or choose another folder."
        ) from error
    finally:
        with suppress(OSError):  # the error that brought us here matters more
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; make it the folder `path` at the end.

    When the body raises, the temporary folder is removed with all that is in it. Raises WriteError
    if `path` is anything but free or an empty folder, if the folder it lies in is missing or not
    writable, or if the body raises OSError.
    """
    target = _free_folder(path)
    temporary = target.with_name(f".fewslice-{secrets.token_hex(6)}")
    try:
        temporary.mkdir()
        yield temporary
        for each in temporary.rglob("*"):
            if each.is_file():
                _flush(each)
            else:
                _flush_folder(each)
        if target.exists():
            target.rmdir()
        temporary.rename(target)
        _flush_folder(target.parent)
    except OSError as error:
        raise WriteError(
            f"{path} cannot be written ({error.strerror or error}); nothing is left of it: free "
            "space or choose another folder."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def make_parent(path: str | os.PathLike[str]) -> None:
    """Make the folder that something will lie in. Raises WriteError."""
    with failures_named(path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)


def require_free_folder(path: str | os.PathLike[str]) -> None:
    """Raise WriteError if `atomic_folder` cannot make this folder; call it before long work."""
    target = _free_folder(path)
    if not os.access(target.parent, os.W_OK):
        raise WriteError(
            f"{path} cannot be made because {target.parent} is not writable; change its "
            "permissions or choose another folder."
        )


def require_writable(
    path: str | os.PathLike[str], suffixes: tuple[str, ...] = LABEL_SUFFIXES
) -> None:
    """Raise WriteError if a file cannot be written at `path`; call it before long work.

    suffixes: what the name may end with. The file itself, if there is one, is not touched: the
    folder is tried with a temporary file.
    """
    if suffix_of(Path(path)) not in suffixes:
        raise WriteError(
            f"{path} does not end with a suffix that can be written; expected {listed(suffixes)}: "
            "choose one of them."
        )
    temporary = _new_file(_target(path))
    temporary.unlink(missing_ok=True)


@contextmanager
def failures_named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise WriteError for failures of the system in the body, such as a full disk."""
    try:
        yield
    except OSError as error:
        raise WriteError(
            f"{path} cannot be written ({error.strerror or error}); free space, change its "
            "permissions or choose another folder."
        ) from error


def _free_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder that will be made, or raise WriteError if that must not be done."""
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise WriteError(f"{path} is there already; name a new folder, or an empty one.")
        if not target.parent.is_dir():
            raise WriteError(
                f"{path} cannot be made because the folder {target.parent} does not exist; create "
                "it or choose another one."
            )
    except OSError as error:
        raise WriteError(
            f"{path} cannot be made ({error.strerror or error}); choose another folder."
        ) from error
    return target


def _target(path: str | os.PathLike[str]) -> Path:
    """Return the file that will be replaced, or raise WriteError if that must not be done."""
    target = Path(os.path.realpath(path))
    try:
        if target.is_dir():
            raise WriteError(f"{path} is a folder; expected the name of a file in it.")
        if target.exists() and not target.is_file():
            raise WriteError(f"{path} is a device or pipe; expected the name of a regular file.")
        if target.exists() and not os.access(target, os.W_OK):
            raise WriteError(f"{path} is write-protected; unprotect it or choose another name.")
        if not target.parent.is_dir():
            raise WriteError(
                f"{path} cannot be written because the folder {target.parent} does not exist; "
                "create it or choose another one."
            )
    except OSError as error:  # such as a name that is too long, or a folder that may not be entered
        raise WriteError(
            f"{path} cannot be written ({error.strerror or error}); choose another name or folder."
        ) from error
    return target


def _new_file(target: Path) -> Path:
    """Create an empty file next to the target, with the permissions a new file gets."""
    # A leading dot hides it, and the name has a fixed length, so that long names still fit.
    temporary = target.with_name(f".fewslice-{secrets.token_hex(6)}{suffix_of(target)}")
    try:
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise WriteError(
            f"{target} cannot be written because its folder is not writable ({error.strerror}); "
            "change its permissions or choose another folder."
        ) from error
    return temporary


def _flush(path: Path) -> None:
    mode = "rb+" if os.access(path, os.W_OK) else "rb"  # a copy may be write-protected
    with path.open(mode) as stream:
        os.fsync(stream.fileno())


def _flush_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut, where the system allows it."""
    if os.name != "posix":
        return
    with suppress(OSError):  # some network file systems refuse; the file itself is safe already
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
