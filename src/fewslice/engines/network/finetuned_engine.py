"""The learned engine, fine-tuned on what was drawn for half a minute before it answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Prediction, Progress, Scan, SupportScan, silent
from fewslice.engines.network.engine import Network, PreparedNetwork
from fewslice.errors import Remark

if TYPE_CHECKING:
    from fewslice.engines.network.finetune import Finetuning

_FOLD_TIME = 0.4  # at most this part of the time goes into making folds


@dataclass(frozen=True)
class Finetuned:
    """Fine-tune the network on the annotated slices of a scan, then let it complete the volume.

    network: what is fine-tuned; its `weights` may be a state fine-tuned before. seconds: for folds
    and fine-tuning, together; what is learned within them, and so the answer, depends on the
    computer. steps, most_folds: at most that many steps are made, on folds from that many slices.
    """

    network: Network = field(default_factory=Network)
    seconds: float = 30.0
    steps: int = 120
    most_folds: int = 8

    @property
    def uses_support(self) -> bool:
        """Annotated slices of other scans are examples like those of this one."""
        return True

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedFinetuned:
        """Load the network and choose among support scans. Raises WeightsError."""
        return PreparedFinetuned(self.network.prepare(scan, support), self)


@dataclass(frozen=True, eq=False)
class PreparedFinetuned:
    """A scan to fine-tune on."""

    network: PreparedNetwork
    engine: Finetuned

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities; a remark says what fine-tuning brought."""
        network, remark = self.learned(annotation, lambda part: progress(0.8 * part))
        prediction = network.predict(annotation, lambda part: progress(0.8 + 0.2 * part))
        return replace(prediction, remarks=(*prediction.remarks, remark))

    def learned(
        self, annotation: Annotation, progress: Progress = silent
    ) -> tuple[PreparedNetwork, str]:
        """Return the network fine-tuned on an annotation, and what came of it."""
        finetuning = self.finetune(annotation, progress)
        return replace(self.network, loaded=finetuning.network), finetuning_remark(finetuning)

    def finetune(self, annotation: Annotation, progress: Progress = silent) -> Finetuning:
        """Return the network fine-tuned on an annotation.

        Ctrl-C (KeyboardInterrupt) ends it early, with the best state so far.
        """
        clock = _Clock(self.engine.seconds, progress, monotonic())
        from fewslice.engines.network.finetune import FinetuneSettings, finetune, not_finetuned
        from fewslice.engines.network.leave_one_out import Fold, folds

        found: list[Fold] = []
        settings, most = self.network.engine.features, self.engine.most_folds
        try:
            for fold in folds(self.network.scan, annotation, settings, most):
                found.append(fold)
                if clock.spent() > _FOLD_TIME:
                    break
        except KeyboardInterrupt:
            return replace(not_finetuned(self.network.network), stopped=True)
        limits = FinetuneSettings(steps=self.engine.steps)
        return finetune(self.network.network, found, limits, lambda: 1 - clock.spent())


def finetuning_remark(finetuning: Finetuning) -> Remark:
    """Return one sentence on what came of fine-tuning."""
    if finetuning.stopped:
        return Remark(
            "finetuning-interrupted",
            "Fine-tuning was interrupted; the best state until then answered.",
        )
    if math.isnan(finetuning.before):
        return Remark(
            "finetuning-too-little",
            "There were too few annotated slices, or too few seconds, to fine-tune on them, so the "
            "network answered as it was.",
        )
    if finetuning.steps == 0:
        return Remark(
            "finetuning-no-help",
            "Fine-tuning on the annotated slices did not help, so the network answered as it was.",
        )
    return Remark(
        "finetuned",
        "Fine-tuning raised Dice on annotated slices that were left out from "
        f"{finetuning.before:.3f} to {finetuning.after:.3f}.",
    )


@dataclass(frozen=True)
class _Clock:
    """Tells which part of the seconds for fine-tuning is spent, also to whoever watches."""

    seconds: float
    progress: Progress
    start: float

    def spent(self) -> float:
        """Return the part of the time that is over, 0 to 1."""
        part = min((monotonic() - self.start) / max(self.seconds, 1e-9), 1.0)
        self.progress(part)
        return part
