"""Expected gain: which answer about this scan is worth most.

Our own strategy for finishing one volume. Two kinds of answers compete. *Draw this slice*: its gain
is the rise in Dice that a model, fitted on simulated annotation of other scans, expects from what
is doubtful on the slice and around it, up to the next slice somebody spoke of; slices of all three
planes are weighed alike (`fewslice.active_learning.next_slice.gain_model`). *Is the structure on
this slice at all?*: where the answer goes on beyond the slices drawn, a "no" removes everything
farther out. Its gain is what that brought in the same simulations, times the probability of a "no";
a "yes" changes no answer and counts nothing. Layers in thick slices are the exception: they
go through the whole scan, so the first slices halve its widest gaps.

`rules` puts two rules before the models, which saved slices on some kinds of structures and cost
some on others (`docs/results/advice-on-unseen-kinds.md`): the second slice is the one across the
first that is likely to show most (`crossing.py`), and on thick slices, where nobody can draw
across, questions find the ends, after which the widest gap is halved (`ends.py`).

Learning from earlier annotation what a query is worth follows Konyushkova et al., NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from fewslice.active_learning.cost import CostModel
from fewslice.active_learning.next_slice.crossing import second_slices
from fewslice.active_learning.next_slice.ends import end_question, widest_gap
from fewslice.active_learning.next_slice.features import question_features
from fewslice.active_learning.next_slice.gain_features import gain_features
from fewslice.active_learning.next_slice.gain_model import GainModel
from fewslice.active_learning.next_slice.profiles import AxisProfile, Profiles
from fewslice.typing import Float64Array

DRAW, PRESENT = "draw", "present"

QUESTION_SLICES = 0.1
"""What a question counts as, in drawn slices."""

_FEW_OF_LAYERS = 4
"""Up to so many drawn slices of layers the next one lies in the widest gap."""


@dataclass(frozen=True)
class Query:
    """One thing to ask a person. gain: expected rise in Dice, averaged over structures.

    kind: "draw" (outline what is on the slice) or "present" (is anything of it on the slice?).
    seconds: what the answer is expected to take. score: gain per minute.
    """

    axis: int
    index: int
    kind: str
    gain: float
    seconds: float
    reason: str

    @property
    def score(self) -> float:
        """Expected gain in Dice per minute of a person's time."""
        return 60.0 * self.gain / self.seconds

    @property
    def score_by_slice(self) -> float:
        """Expected gain in Dice per drawn slice; a question counts a tenth of one."""
        return self.gain / (QUESTION_SLICES if self.kind == PRESENT else 1.0)


@dataclass(frozen=True)
class ExpectedGainSettings:
    """gain_model: the models to go by, the shipped ones if None.

    cost: of a person's time. per_second: whether queries are ranked by gain per second, which
    favours slices with little to draw, and not by gain per slice. questions: whether "is it there
    at all?" may be asked. planes: whether slices across other axes than the main one may be asked
    for. oblong: they are not where their pixels are more than this many times as long as wide, as
    in scans of thick slices: nobody can draw well on them. question_gain, likely_no: a question
    must promise at least this rise in Dice, and have a "no" for its answer with at least this
    probability; small promises are mostly noise, and a "yes" brings nothing. rules: whether rules
    come before models. square: with rules, up to how oblong pixels the second slice lies across the
    first.
    """

    cost: CostModel = field(default_factory=CostModel)
    questions: bool = True
    planes: bool = True
    question_gain: float = 0.02
    likely_no: float = 0.5
    oblong: float = 3.0
    rules: bool = False
    square: float = 1.6
    per_second: bool = False
    gain_model: GainModel | None = None

    def score(self, query: Query) -> float:
        """Return by what queries are ranked."""
        return query.score if self.per_second else query.score_by_slice


def expected_gain(
    found: Profiles,
    gain_model: GainModel,
    count: int,
    rng: np.random.Generator,
    settings: ExpectedGainSettings | None = None,
) -> tuple[Query, ...]:
    """Return up to `count` asks, best first; none twice, none of what was answered already.

    After each one the profiles are taken to be as if it had been answered, so that the next is not
    its neighbour. Ties are broken by `rng`. Fewer are returned if there is nothing left to ask.
    """
    settings = settings or ExpectedGainSettings()
    chosen: list[Query] = []
    while len(chosen) < count:
        queries = [
            query for query in _queries(found, gain_model, settings) if not _queried(query, chosen)
        ]
        if not queries:
            break
        best = _of_layers(found, queries, settings)
        if best is None and settings.rules:
            best = _ruled(found, queries, settings)
        if best is None:
            order = rng.permutation(len(queries))
            best = queries[max(order, key=lambda at: settings.score(queries[at]))]
        chosen.append(best)
        found = answered(found, best)
    return tuple(chosen)


def _of_layers(
    found: Profiles, queries: list[Query], settings: ExpectedGainSettings
) -> Query | None:
    """Return the widest gap of thick slices on a few of which layers alone are drawn.

    Models measure in radii of the structure, and the area of a layer says nothing of its extent.
    Where people can draw across the slices as well, one across tells a layer from a vessel that
    lies in the plane of the slice, and models ask for it.
    """
    few = np.count_nonzero(found.axes[found.main].drawn.any(axis=0)) <= _FEW_OF_LAYERS
    if not (found.layers and few) or any(axis != found.main for axis in _drawable(found, settings)):
        return None
    return _in_gap(found, queries, settings, _LAYER)


def _in_gap(
    found: Profiles, queries: list[Query], settings: ExpectedGainSettings, reason: str | None
) -> Query | None:
    """Return the drawing of the slice in the widest gap; None if nothing is left to draw."""
    gap = widest_gap(found)
    if gap is None:
        return None
    seconds = settings.cost.drawing(float(found.contour.mean()))
    beyond = Query(found.main, gap, DRAW, 0.0, seconds, reason or _UNSEEN)
    return _drawn_at(queries, (found.main, gap), reason) or beyond


def _ruled(found: Profiles, queries: list[Query], settings: ExpectedGainSettings) -> Query | None:
    """Return what comes first whatever models say of it; None if they are to decide.

    Where slices across can be drawn well, that is the second slice; where not, questions for the
    ends and then the widest gap.
    """
    square = [axis for axis in range(3) if _oblong(found, axis) <= settings.square]
    if set(square) - {found.main}:
        places = second_slices(found, square if settings.planes else ())
        around = [_gain_around(queries, place) for place in places]
        return _drawn_at(queries, places[int(np.argmax(around))], _ACROSS) if places else None
    question = end_question(found) if settings.questions else None
    if question is not None:
        seconds = settings.cost.question
        return Query(found.main, question, PRESENT, 0.0, seconds, _WHERE_IT_ENDS)
    return _in_gap(found, queries, settings, None)


def _gain_around(queries: list[Query], place: tuple[int, int]) -> float:
    """Return the mean gain of drawing a slice or one beside it; what models say of one is noisy."""
    axis, index = place
    near = [
        query.gain
        for query in queries
        if query.kind == DRAW and query.axis == axis and abs(query.index - index) <= 1
    ]
    return float(np.mean(near)) if near else 0.0


def _drawn_at(queries: list[Query], place: tuple[int, int], reason: str | None) -> Query | None:
    for query in queries:
        if query.kind == DRAW and (query.axis, query.index) == place:
            return query if reason is None else replace(query, reason=reason)
    return None


def _queried(query: Query, chosen: list[Query]) -> bool:
    """Whether the same slice was chosen already; a slice to draw needs no question before it."""
    return any((query.axis, query.index) == (other.axis, other.index) for other in chosen)


def _queries(
    found: Profiles, gain_model: GainModel, settings: ExpectedGainSettings
) -> Iterator[Query]:
    for axis in _drawable(found, settings):
        yield from _drawings(found, axis, found.axes[axis], gain_model, settings)
    if settings.questions:
        yield from _questions(found, gain_model, settings)


def _drawable(found: Profiles, settings: ExpectedGainSettings) -> list[int]:
    """Return the axes across which people may be asked to draw."""
    return [
        axis
        for axis in range(3)
        if axis == found.main or (settings.planes and _oblong(found, axis) <= settings.oblong)
    ]


def _oblong(found: Profiles, axis: int) -> float:
    """Return how many times as long as wide the pixels of slices across an axis are."""
    steps = [profile.step for other, profile in enumerate(found.axes) if other != axis]
    return max(steps) / min(steps)


def _drawings(
    found: Profiles,
    axis: int,
    profile: AxisProfile,
    gain_model: GainModel,
    settings: ExpectedGainSettings,
) -> Iterator[Query]:
    """Yield one ask a slice that nobody has spoken of and that may hold a structure."""
    gains = np.mean(
        [gain_model.gain(gain_features(found, number, axis)) for number in range(len(found.area))],
        axis=0,
    )
    contour = _contours(profile)
    annotated = np.flatnonzero(profile.asked)
    for index in np.flatnonzero(~profile.asked & _reachable(profile)):
        nearest = int(np.abs(annotated - index).min()) if len(annotated) else None
        away = None if nearest is None else _length(nearest, profile.step, found.spacing_known)
        doubt = float(np.mean(profile.doubt[:, index] / np.maximum(profile.expected.sum(1), 1)))
        yield Query(
            axis,
            int(index),
            DRAW,
            max(float(gains[index]), 0.0),
            settings.cost.drawing(float(contour[index])),
            _why_drawn(away, doubt, axis == found.main),
        )


_WHERE_IT_ENDS = (
    "One click tells whether the structure goes on to this slice; evenly spaced slices are best "
    "placed once its ends are known."
)
_UNSEEN = "It lies in the widest gap between slices looked at, where the structure may go on."
_LAYER = (
    "It lies in the widest gap between slices looked at; a layer that both borders cut off is "
    "likely to go on through the whole scan."
)
_ACROSS = (
    "No slice of this plane, which crosses those drawn, is drawn yet; it shows how the structure "
    "runs between them."
)


def _length(slices: int, step: float, known: bool) -> str:
    """Return how long so many slices are in words: in voxels where nobody knows their mm."""
    if known:
        return f"{slices * step:.1f} mm"
    return "1 voxel" if slices == 1 else f"{slices} voxels"


def _why_drawn(nearest: str | None, doubt: float, main: bool) -> str:
    if nearest is None and main:
        return "No slice of this scan was looked at yet."
    if nearest is None:
        return _ACROSS
    return (
        f"It is {nearest} from the nearest slice looked at in its plane, and "
        f"{100 * doubt:.1f} % of the structure's voxels are doubtful on it."
    )


def _reachable(profile: AxisProfile) -> npt.NDArray[np.bool_]:
    """Return the slices on which something of a structure is expected, or said to be."""
    likely = (profile.expected > 0.5) | (profile.present > 0.3)
    return np.asarray(likely.any(axis=0))


def _contours(profile: AxisProfile) -> Float64Array:
    """Return the mm of contour to expect on each slice: circles of the expected areas."""
    area = profile.expected * profile.pixel_area
    result: Float64Array = (2 * np.sqrt(np.pi * area)).sum(axis=0)
    return result


def _questions(
    found: Profiles, gain_model: GainModel, settings: ExpectedGainSettings
) -> Iterator[Query]:
    """Yield the questions beyond the outermost slices known to hold each structure.

    With several structures a question is about all of them.
    """
    profile = found.axes[found.main]
    structures = len(found.area)
    total = np.zeros(len(profile))
    gone = np.ones(len(profile))
    for number in range(structures):
        features = question_features(found, number)
        if not (profile.drawn[number] | (profile.present[number] >= 1.0)).any():
            return
        open_here = features[:, -1] > 0
        absent = 1 - gain_model.presence(features[:, :-1])
        total += np.where(open_here, absent * gain_model.closing_gain(features), 0.0) / structures
        gone *= np.where(open_here, absent, 0.0)
    worth = (total >= settings.question_gain) & (gone >= settings.likely_no)
    for index in np.flatnonzero(worth & (total > 0) & ~profile.asked):
        yield Query(
            found.main,
            int(index),
            PRESENT,
            float(total[index]),
            settings.cost.question,
            "One click tells whether the structure has ended here: it has with a probability of "
            f"{gone[index]:.0%}.",
        )


def answered(found: Profiles, query: Query) -> Profiles:
    """Return the profiles as they may be once the answer is there: no doubt on and near the slice.

    A drawn slice removes doubt in proportion to its nearness, up to one radius. Of a question the
    likelier answer is assumed: after a "no" nothing is expected farther out.
    """
    profile = found.axes[query.axis]
    asked = profile.asked.copy()
    asked[query.index] = True
    if query.kind == PRESENT:
        present, empty = profile.present.copy(), profile.empty.copy()
        gone = present[:, query.index] < 0.5
        empty[gone, query.index] = True
        present[:, query.index] = np.where(gone, 0.0, 1.0)
        left = ~_closed(profile, gone, query.index)
        changed = replace(
            profile,
            asked=asked,
            confirmed=profile.confirmed | (set() if gone.all() else {query.index}),
            empty=empty,
            present=present * left,
            expected=profile.expected * left,
            doubt=profile.doubt * left,
            spread=profile.spread * left,
        )
    else:
        at = np.arange(len(profile))
        reach = max(float(found.radius.mean()) / profile.step, 1.0)
        left = np.minimum(np.abs(at - query.index) / reach, 1.0)
        drawn, empty = profile.drawn.copy(), profile.empty.copy()
        drawn[:, query.index] = profile.present[:, query.index] >= 0.5
        empty[:, query.index] = ~drawn[:, query.index]
        changed = replace(
            profile,
            asked=asked,
            drawn=drawn,
            empty=empty,
            doubt=profile.doubt * left,
            spread=profile.spread * left,
        )
    axes = list(found.axes)
    axes[query.axis] = changed
    return replace(found, axes=(axes[0], axes[1], axes[2]))


def _closed(profile: AxisProfile, gone: npt.NDArray[np.bool_], index: int) -> npt.NDArray[np.bool_]:
    """Return the slices (structure, n) that a "no" closes: that one, and those farther out."""
    at = np.arange(len(profile))
    closed = np.zeros(profile.drawn.shape, dtype=bool)
    for number in np.flatnonzero(gone):
        closed[number, index] = True
        held = np.flatnonzero(profile.drawn[number] | (profile.present[number] >= 1.0))
        if len(held) and index > held[-1]:
            closed[number] = at >= index
        elif len(held) and index < held[0]:
            closed[number] = at <= index
    return closed
