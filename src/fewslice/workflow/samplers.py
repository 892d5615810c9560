"""Where the posterior samples of a pool's scans come from: a model, or engines and other scans."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fewslice.annotation.annotation import find_annotation
from fewslice.engines import Scan, find_engine
from fewslice.errors import InputError
from fewslice.io import read_image, read_labels
from fewslice.segmentation.posterior import Samples
from fewslice.segmentation.posterior.samples import as_samples
from fewslice.training.store import load_model, read_description, version_in_use
from fewslice.volumes import Image, LabelMap
from fewslice.volumes.coerce import on_one_grid
from fewslice.workflow.pool_rows import PoolSamples
from fewslice.workflow.suggest import default_sampler
from fewslice.workflow.support import support_pairs, supported_annotation

if TYPE_CHECKING:
    from fewslice.training.model import TaskModel

_MEMBERS = 4
"""Parts of the support scans that the engine is asked with, at most."""

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class EngineSampler:
    """A committee of contexts: one engine, asked with all support scans and with parts of them.

    support: paths of scans with their labels, at least two. engine: one that uses support. Scans
    of which slices are annotated are answered from these as `fewslice.suggest` does, if there is
    no support.
    """

    support: Pairs = ()
    engine: str = "auto"

    def __call__(self, image: Image, labels: LabelMap | None, seed: int) -> Samples:
        """Return the samples of a scan. Raises InputError if there is nothing to answer from."""
        image, drawn = on_one_grid(image, labels)
        scan = Scan(image.channels, image.geometry.spacing)
        if not self.support:
            if labels is None:
                raise InputError(
                    "Nothing is annotated on the scan, and there are no support scans to answer "
                    "from; give some."
                )
            annotation = find_annotation(drawn.array, image.geometry)
            return default_sampler().samples(scan, annotation, seed)
        pairs = support_pairs(read_support(self.support), image)
        annotation, others = supported_annotation(drawn, image.geometry, (), pairs)
        engine = find_engine(self.engine)
        parts = [others, *(others[at::_MEMBERS] for at in range(min(_MEMBERS, len(others))))]
        if len(others) == 1:
            raise InputError("One support scan makes no committee; give at least two.")
        answers = [engine.prepare(scan, part).predict(annotation) for part in parts]
        return as_samples(
            [each for each in answers if each.values == answers[0].values], annotation
        )


@dataclass(frozen=True)
class ModelSampler:
    """Monte-Carlo dropout of a model of the task (Gal & Ghahramani, ICML 2016).

    model: path of a model folder of `fewslice.retrain`, or of one version in it (which is the same
    for all scans, whatever is promoted meanwhile: see `model_in_use`). count: samples. What was
    annotated of a scan is not looked at.
    """

    model: str
    count: int = 8

    def __call__(self, image: Image, labels: LabelMap | None, seed: int) -> PoolSamples:
        """Return the samples of a scan; one thinned network each, the same for all scans."""
        return model_samples(loaded_model(self.model), image, self.count, seed)


def model_samples(model: TaskModel, image: Image, count: int, seed: int) -> PoolSamples:
    """Return Monte-Carlo dropout samples of a scan, and what the network sees on its slices."""
    from fewslice.training.model import posterior_samples, slice_features

    found = posterior_samples(model, image.channels, image.geometry, count=count, seed=seed)
    features = slice_features(model, image.channels, image.geometry)
    return PoolSamples(found.axis, found.probability, features)


@lru_cache(maxsize=1)  # a worker answers for many scans with the same model
def loaded_model(path: str) -> TaskModel:
    """Read a model."""
    return load_model(path)


def model_in_use(path: Path) -> tuple[Path, str]:
    """Return the folder of the version a model folder has promoted, and the SHA-256 of its weights.

    The path of a version stands for itself. Raises ReadError if there is none.
    """
    folder = version_in_use(path).absolute()
    return folder, str(read_description(folder).get("sha256"))


@lru_cache(maxsize=1)  # a worker answers for many scans from the same support
def read_support(support: Pairs) -> list[tuple[Image, LabelMap]]:
    """Read scans with their labels."""
    return [(read_image(Path(scan)), read_labels(Path(labels))) for scan, labels in support]
