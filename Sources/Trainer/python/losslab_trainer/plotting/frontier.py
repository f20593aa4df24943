"""The worker's job ``frontier``: judge scores against KL, a point for each loss and setting that was tried.

The same numbers give the same file, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from losslab_trainer.plotting.picture import COLOURS, DOTS, GREY, save, styled

if TYPE_CHECKING:
    from losslab_trainer.serve import Context

WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM, TOP, LINE = 8.0, 5.8, 0.75, 0.2, 0.6, 0.55, 0.19  # inches
MARKERS = "osD^vP*X"
PALE = "#B8B8B8"
# A KL more than this many times the front's largest would squeeze all other points into a corner.
FARTHEST = 3.0

Point = Mapping[str, Any]


def frontier(job: Mapping[str, Any], _context: Context | None = None) -> dict[str, object]:
    """Draws ``frontier`` (Swift's ``Frontier``) to ``output``, with the losses in ``shown`` in colours."""
    found, shown = job["frontier"], job["shown"]
    points: list[Point] = found["points"]
    with styled():
        notes = _notes(found)
        top = TOP + LINE * len(notes)
        figure = Figure(figsize=(WIDTH, HEIGHT))
        panel = (LEFT / WIDTH, BOTTOM / HEIGHT, 1 - (LEFT + RIGHT) / WIDTH, 1 - (BOTTOM + top) / HEIGHT)
        axes = figure.add_axes(panel)
        view = _View(axes, _end(points))
        others = [point for point in points if point["loss"] not in shown]
        losses = len({point["loss"] for point in others})
        view.scatter(others, _Style(PALE, ".", f"{losses} other {'loss' if losses == 1 else 'losses'}", bars=False))
        for name, colour, marker in zip(shown, COLOURS, MARKERS, strict=False):
            view.scatter([point for point in points if point["loss"] == name], _Style(colour, marker, name))
        view.untrained(found.get("untrained"))
        view.front([point for point in points if point["onFront"]])
        axes.set_xlabel(f"KL {found['klOf']} (nats an answer)", fontsize=8.5)
        axes.set_ylabel(found["scoreOf"])
        axes.spines["right"].set_visible(False)
        axes.legend(loc="best", fontsize=8)
        figure.text(LEFT / WIDTH, 1 - 0.35 / HEIGHT, job["title"], fontsize=13, fontweight="bold")
        figure.text(LEFT / WIDTH, 1 - 0.45 / HEIGHT, "\n".join(notes), fontsize=8.5, color=GREY, va="top")
        save(figure, job["output"])
    return {"points": len(points)}


def _notes(found: Mapping[str, Any]) -> list[str]:
    """Lines under the title: what a point is, and what its bars leave out."""
    points, gaps = found["points"], found["gaps"]
    single = sum(point["seeds"] == 1 for point in points)
    notes = ["A point is a loss at one learning rate and beta; bars are one standard error."]
    if single:
        notes.append(f"{single} of {len(points)} points are of one seed: their bars leave out how seeds differ.")
    if gaps:
        settings = "1 setting has" if len(gaps) == 1 else f"{len(gaps)} settings have"
        notes.append(f"{settings} no point: the loss was rejected there in training.")
    return notes


def _end(points: Sequence[Point]) -> float | None:
    """The KL at which the picture ends; None where it holds every point."""
    largest = max((point["kl"]["mean"] for point in points), default=0.0)
    front = max((point["kl"]["mean"] for point in points if point["onFront"]), default=largest)
    return FARTHEST * front if 0 < FARTHEST * front < largest else None


@dataclass(frozen=True)
class _Style:
    colour: str
    marker: str
    name: str
    bars: bool = True


@dataclass(frozen=True)
class _View:
    axes: Axes
    end: float | None  # points beyond are told of, not drawn

    def scatter(self, points: Sequence[Point], style: _Style) -> None:
        inside = [point for point in points if self.end is None or point["kl"]["mean"] <= self.end]
        if not points:
            return
        beyond = len(points) - len(inside)
        self.axes.errorbar(
            [point["kl"]["mean"] for point in inside],
            [point["score"]["mean"] for point in inside],
            xerr=_errors(inside, "kl") if style.bars else None,
            yerr=_errors(inside, "score") if style.bars else None,
            fmt=style.marker,
            color=style.colour,
            markersize=5,
            elinewidth=0.8,
            label=style.name + (f" ({beyond} farther right)" if beyond else ""),
            zorder=3 if style.bars else 1,
        )

    def untrained(self, score: Mapping[str, Any] | None) -> None:
        """The reference, which every training leaves behind."""
        self.axes.axvline(0, color=GREY, linewidth=0.8, linestyle=DOTS)
        if score is not None:
            error = [score.get("standardError") or 0.0]
            self.axes.errorbar([0], [score["mean"]], error, fmt="x", color=GREY, label="untrained reference")

    def front(self, points: Sequence[Point]) -> None:
        """The best score so far as KL grows: a staircase, since nothing is known between its points."""
        if not points:
            return
        low, high = self.axes.get_xlim()
        kls, scores = ([point[name]["mean"] for point in points] for name in ("kl", "score"))
        self.axes.step(
            [*kls, high], [*scores, scores[-1]], where="post", color=GREY, linewidth=1, zorder=2, label="front"
        )
        self.axes.set_xlim(low, high)


def _errors(points: Sequence[Point], name: str) -> list[float]:
    return [point[name].get("standardError") or 0.0 for point in points]
