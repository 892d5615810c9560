"""The errors of fewslice: one small hierarchy.

Each message is one sentence that says what was found, what was expected and what to do. The
command line prints it on standard error and exits with code 2; it never shows a traceback for one
of these.
"""


class FewsliceError(Exception):
    """Base of every error that fewslice raises on purpose."""


class InputError(FewsliceError):
    """What a person gave cannot be used: an option, an array, a label map, a name."""


class ReadError(InputError):
    """A file or folder is missing, unreadable, truncated or not what its name says."""


class GeometryError(InputError):
    """Geometry is impossible (singular affine, zero spacing) or does not match another one."""


class WriteError(FewsliceError):
    """An output cannot be written; whatever was there before is untouched."""


class WeightsError(ReadError):
    """A file of network weights is missing, damaged, not the one expected, or does not fit."""


class TrainingError(FewsliceError):
    """Training cannot go on, such as when the loss is no longer a number."""
