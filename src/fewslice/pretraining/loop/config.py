"""The configuration of a training run: a TOML file, checked before anything long begins."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fewslice.errors import InputError, ReadError
from fewslice.networks.settings import NetworkSettings
from fewslice.pretraining.tasks.episodes import EpisodeSettings
from fewslice.pretraining.tasks.sources import SourceSettings

Positive = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
PositiveFloat = Annotated[float, Field(gt=0)]


class _Section(BaseModel):
    """Unknown keys and values of another type are errors; nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class DataSettings(_Section):
    """[data]: where tasks come from.

    folder: holds the folders of [[sources.scans]]. bank: folder of the bank, built if it
    holds none. workers: processes that make episodes; 0 makes them in the training process.
    prefetch: episodes each of them makes ahead.
    """

    folder: Path | None = None
    bank: Path
    workers: Whole = 1
    prefetch: Positive = 4


class OptimisationSettings(_Section):
    """[optimisation]: AdamW (Loshchilov & Hutter 2019) on a cosine learning rate.

    steps: updates of the weights at most. learning_rate: at its highest; it rises linearly for
    `warmup` steps and follows a cosine to 0 over the fraction done, of steps or of time, whichever
    is more. episodes_per_step: in each process. clip: largest norm of the gradient. ema: decay of
    the average of weights, which is what is validated and kept. precision: of the network's
    arithmetic; bfloat16 by autocast. seed: of everything random. max_minutes: of wall-clock time
    for training and validation; what is due then is still written. device: "auto" takes a GPU if
    there is one. threads: of arithmetic in the training process; none for PyTorch's choice.
    """

    steps: Positive
    learning_rate: PositiveFloat = 1e-3
    warmup: Whole = 100
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    episodes_per_step: Positive = 4
    clip: PositiveFloat = 1.0
    ema: Fraction = 0.999
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    max_minutes: PositiveFloat | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    threads: Positive | None = None


class ValidationSettings(_Section):
    """[validation]: on structures that are not trained on.

    every: steps between validations; there is one before the first step and one at the end.
    episodes: the same ones every time; 0 for no validation.
    """

    every: Positive = 500
    episodes: Whole = 64


class OutputSettings(_Section):
    """[output]: what is written where.

    folder: made if it is missing. log_every: steps per row of log.csv. checkpoint_minutes: between
    checkpoints. tensorboard: whether to write event files.
    """

    folder: Path
    log_every: Positive = 10
    checkpoint_minutes: PositiveFloat = 5.0
    tensorboard: bool = True


class Config(_Section):
    """A whole training run. start_from: weights (.safetensors) to begin with.

    Paths are relative to the working directory.
    """

    start_from: Path | None = None
    data: DataSettings
    sources: SourceSettings = SourceSettings()
    episodes: EpisodeSettings = EpisodeSettings()
    network: NetworkSettings = NetworkSettings()
    optimisation: OptimisationSettings
    validation: ValidationSettings = ValidationSettings()
    output: OutputSettings

    def as_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON has it: defaults filled in, paths as text."""
        return self.model_dump(mode="json")


def read_config(path: Path) -> Config:
    """Read a configuration. Raises ReadError or InputError with the key, if something is wrong."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReadError(
            f"{path} cannot be read ({error.strerror or error}); expected a TOML file with the "
            "configuration of a training run."
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ReadError(f"{path} is not valid TOML: {error}.") from error
    return parse_config(given, str(path))


def parse_config(given: dict[str, Any], name: str) -> Config:
    """Check a configuration read from TOML. name: what to call it in errors."""
    try:
        # JSON is how pydantic takes lists for tuples and text for paths, and yet is strict.
        config = Config.model_validate_json(json.dumps(given, default=str))
    except ValidationError as error:
        raise InputError(f"{name}: {_sentence(error.errors()[0])}") from error
    if config.sources.scans and config.data.folder is None:
        raise InputError(
            f"{name}: data.folder is missing; add the folder that holds the scans of "
            "[[sources.scans]]."
        )
    return config


_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")


def _sentence(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] in _UNKNOWN_KEY:
        return f"{key} is no known setting; expected {_known(error['loc'][:-1])}."
    if error["type"] in ("missing", "missing_argument"):
        return f"{key} is missing; add it."
    expected = error["msg"].removeprefix("Input should be ")
    return f"{key} is {error['input']!r}; expected {expected}."


def _known(section: tuple[Any, ...]) -> str:
    """Return the keys that may stand in a section."""
    names: Any = list(Config.model_fields)
    if section:
        kind: Any = Config.model_fields[str(section[0])].annotation
        names = getattr(kind, "model_fields", None) or getattr(kind, "__dataclass_fields__", {})
    return "one of " + ", ".join(names)
