"""The learned engine, adapted to what was drawn: half a minute of fine-tuning before it answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from fewslice.annotation.annotation import Annotation
from fewslice.engines.base import Prediction, Progress, Scan, SupportScan, silent
from fewslice.engines.network.engine import Network, PreparedNetwork
from fewslice.errors import WriteError
from fewslice.networks.shipped import shipped_weights

if TYPE_CHECKING:
    from fewslice.engines.network.finetune import Adaptation

_LESSON_TIME = 0.4  # at most this part of the time goes into making lessons


@dataclass(frozen=True)
class Adapted:
    """Fine-tune the network on the annotated slices of a scan, then let it complete the volume.

    network: what is adapted; its `weights` may be a state adapted before. seconds: for lessons and
    fine-tuning, together; what is adapted within them, and so the answer, depends on the computer.
    save_to: where to write the adapted state, as a file of weights that `Network` and `Adapted`
    read; not over the one that comes with fewslice (WriteError). steps, most_lessons: at most that
    many steps are made, on lessons from that many slices.
    """

    network: Network = field(default_factory=Network)
    seconds: float = 30.0
    save_to: Path | None = None
    steps: int = 120
    most_lessons: int = 8

    def __post_init__(self) -> None:
        if self.save_to is not None and self.save_to.resolve() == shipped_weights()[0].resolve():
            raise WriteError(
                f"{self.save_to} is the file of weights that comes with fewslice and is never "
                "changed; save what was learned in a file of another name."
            )

    @property
    def uses_support(self) -> bool:
        """Annotated slices of other scans are examples like those of this one."""
        return True

    def prepare(self, scan: Scan, support: Sequence[SupportScan] = ()) -> PreparedAdapted:
        """Load the network and choose among support scans. Raises WeightsError."""
        return PreparedAdapted(self.network.prepare(scan, support), self)


@dataclass(frozen=True, eq=False)
class PreparedAdapted:
    """A scan to adapt to."""

    network: PreparedNetwork
    engine: Adapted

    def predict(self, annotation: Annotation, progress: Progress = silent) -> Prediction:
        """Return class probabilities (see `PreparedScan`); a remark says what adapting brought."""
        network, remark = self.learned(annotation, lambda part: progress(0.8 * part))
        prediction = network.predict(annotation, lambda part: progress(0.8 + 0.2 * part))
        return replace(prediction, remarks=(*prediction.remarks, remark))

    def learned(
        self, annotation: Annotation, progress: Progress = silent
    ) -> tuple[PreparedNetwork, str]:
        """Return the network adapted to an annotation, ready to be asked, and what came of it."""
        adaptation = self.adapt(annotation, progress)
        return replace(self.network, loaded=adaptation.network), self._remark(adaptation)

    def adapt(self, annotation: Annotation, progress: Progress = silent) -> Adaptation:
        """Return the network adapted to an annotation, saved where the engine says.

        Ctrl-C (KeyboardInterrupt) ends it early, with the best state so far. Raises WriteError if
        that cannot be saved.
        """
        adaptation = self._adaptation(
            annotation, _Clock(self.engine.seconds, progress, monotonic())
        )
        self._save(adaptation)
        return adaptation

    def _adaptation(self, annotation: Annotation, clock: _Clock) -> Adaptation:
        from fewslice.engines.network.finetune import AdaptationSettings, adapted, unadapted
        from fewslice.engines.network.leave_one_out import Lesson, lessons

        found: list[Lesson] = []
        settings, most = self.network.engine.cues, self.engine.most_lessons
        try:
            for lesson in lessons(self.network.scan, annotation, settings, most):
                found.append(lesson)
                if clock.spent() > _LESSON_TIME:
                    break
        except KeyboardInterrupt:
            return replace(unadapted(self.network.network), stopped=True)
        limits = AdaptationSettings(steps=self.engine.steps)
        return adapted(self.network.network, found, limits, lambda: 1 - clock.spent())

    def _save(self, adaptation: Adaptation) -> None:
        from fewslice.networks.weights import save_weights

        if self.engine.save_to is None:
            return
        facts = {
            "adapted steps": str(adaptation.steps),
            "adapted dice": f"{adaptation.after:.4f}",
            "unadapted dice": f"{adaptation.before:.4f}",
        }
        network = adaptation.network
        save_weights(self.engine.save_to, network, network.settings, facts)

    def _remark(self, adaptation: Adaptation) -> str:
        where = f" The state is in {self.engine.save_to}." if self.engine.save_to else ""
        if adaptation.stopped:
            return f"Adapting was interrupted; the best state until then answered.{where}"
        if math.isnan(adaptation.before):
            return (
                "There were too few annotated slices, or too few seconds, to adapt to them, so the "
                f"network answered as it was.{where}"
            )
        if adaptation.steps == 0:
            return (
                "Adapting to the annotated slices did not help, so the network answered as it "
                f"was.{where}"
            )
        return (
            f"Adapting raised Dice on annotated slices that were left out from "
            f"{adaptation.before:.3f} to {adaptation.after:.3f}.{where}"
        )


@dataclass(frozen=True)
class _Clock:
    """Tells which part of the seconds for adapting is spent, also to whoever watches."""

    seconds: float
    progress: Progress
    start: float

    def spent(self) -> float:
        """Return the part of the time that is over, 0 to 1."""
        part = min((monotonic() - self.start) / max(self.seconds, 1e-9), 1.0)
        self.progress(part)
        return part
