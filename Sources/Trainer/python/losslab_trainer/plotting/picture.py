"""Draws losses over rho: f above, its slope below, and behind both how many training pairs lie where.

The same numbers give the same file, byte for byte.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator
from torch import Tensor

from losslab_trainer.plotting.captions import notes_of, rho_label, title_of
from losslab_trainer.plotting.curves import OTHER_WAYS

if TYPE_CHECKING:
    from losslab_trainer.plotting.job import PlottedLoss

COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#8C6D31",
)  # after Okabe and Ito
GREY = "#666666"
DOTS = (0, (1, 2))
# Of the thin lines, in the order of OTHER_WAYS; lengths of strokes and gaps.
DASHES: tuple[Any, ...] = ((0, (9, 3)), (0, (2.5, 2.5)), (0, (9, 2.5, 2.5, 2.5)), "-")
FARTHEST_SCALES = 25.0  # how much larger one loss's values may be than another's on a linear axis
WIDTH, PANEL, GAP, LEFT, RIGHT, LINE = 8.0, 2.75, 0.15, 0.85, 0.7, 0.19  # inches
LEGEND_COLUMNS = 2


def draw(losses: Sequence[PlottedLoss], edges: Tensor, shown: tuple[float, float], job: Mapping[str, Any]) -> None:
    """Writes the picture of a plot job to its output, SVG or PNG by the ending."""
    with styled():
        notes, handles = notes_of(losses, job), _legend(losses)
        top, bottom = 0.5 + LINE * len(notes), 0.65 + LINE * math.ceil(len(handles) / LEGEND_COLUMNS)
        height = top + 2 * PANEL + GAP + bottom
        figure = Figure(figsize=(WIDTH, height))
        panel_width = (WIDTH - LEFT - RIGHT) / WIDTH
        slope_axes = figure.add_axes((LEFT / WIDTH, bottom / height, panel_width, PANEL / height))
        above = (bottom + PANEL + GAP) / height
        value_axes = figure.add_axes((LEFT / WIDTH, above, panel_width, PANEL / height), sharex=slope_axes)
        value_axes.tick_params(labelbottom=False)
        for axes, slope in ((value_axes, False), (slope_axes, True)):
            _panel(axes, losses, edges, shown, slope=slope)
        slope_axes.set_xlabel(rho_label(job))
        figure.text(LEFT / WIDTH, 1 - 0.35 / height, title_of(losses, job), fontsize=13, fontweight="bold")
        figure.text(LEFT / WIDTH, 1 - 0.45 / height, "\n".join(notes), fontsize=8.5, color=GREY, va="top")
        corner = (LEFT / WIDTH, (bottom - 0.5) / height)
        figure.legend(
            handles=handles, loc="upper left", bbox_to_anchor=corner, ncols=LEGEND_COLUMNS, borderaxespad=0, borderpad=0
        )
        save(figure, job["output"])


def save(figure: Figure, output: str) -> None:
    """Writes SVG or PNG by the ending, without what differs from one time to the next."""
    metadata = {"Date": None, "Creator": "LossLab"} if output.endswith(".svg") else {"Software": None}
    figure.savefig(output, dpi=150, metadata=metadata)


def styled() -> AbstractContextManager[None]:
    return mpl.rc_context(
        {
            "svg.hashsalt": "losslab",  # or the identifiers in the file are random
            "font.size": 9.5,
            "axes.spines.top": False,
            "legend.frameon": False,
            "legend.fontsize": 9,
        }
    )


def _panel(
    axes: Axes, losses: Sequence[PlottedLoss], edges: Tensor, shown: tuple[float, float], *, slope: bool
) -> None:
    _pairs_behind(axes, losses, edges, shown)
    axes.axvline(0, color=GREY, linewidth=0.8, linestyle=DOTS)
    if slope:
        axes.axhline(0, color=GREY, linewidth=0.8)
    for i, (loss, colour) in enumerate(zip(losses, COLOURS, strict=False)):
        rho = loss.profile.rho
        # A batch in which all pairs are at exactly 0 may have a slope of its own, where a loss clamps a batch's mean.
        start = rho == 0
        for other in loss.profile.others:
            values = (other.slopes if slope else other.values).masked_fill(start, math.nan)
            axes.plot(rho.tolist(), values.tolist(), color=colour, linewidth=1, linestyle=_dashes(other.way))
        values = loss.profile.main.slopes if slope else loss.profile.main.values
        # Those drawn first are wider, so that a curve shows on both sides of one that covers it.
        width = 2 + min(0.8, 3 / len(losses)) * (len(losses) - 1 - i)
        axes.plot(rho.tolist(), values.masked_fill(start, math.nan).tolist(), color=colour, linewidth=width)
        axes.plot([0], values[start].tolist(), color=colour, marker="o", markersize=3.5 + width)
    axes.set_xlim(*shown)
    label = "slope, f' = df / drho" if slope else "loss of a pair, f"
    symmetric = _limit(axes, [_seen(loss, slope=slope) for loss in losses])
    axes.set_ylabel(label + (" (log scale from 0)" if symmetric else ""))
    axes.yaxis.set_label_coords(-0.75 * LEFT / (WIDTH - LEFT - RIGHT), 0.5)


def _pairs_behind(axes: Axes, losses: Sequence[PlottedLoss], edges: Tensor, shown: tuple[float, float]) -> None:
    """The histograms, on an axis of their own at the right."""
    counted = [(loss.counts, colour) for loss, colour in zip(losses, COLOURS, strict=False) if loss.counts is not None]
    if not counted:
        axes.spines["right"].set_visible(False)
        return
    behind = axes.twinx()
    for counts, colour in counted:
        behind.stairs(counts, edges.tolist(), fill=True, color=colour, alpha=0.18)
        if len(counted) > 1:
            behind.stairs(counts, edges.tolist(), color=colour, alpha=0.4, linewidth=0.8)
    inside = (edges[:-1] >= shown[0]) & (edges[1:] <= shown[1])
    highest = max(max(each for each, seen in zip(counts, inside, strict=True) if seen) for counts, _ in counted)
    behind.set_ylim(0, 1.6 * max(highest, 1))
    behind.set_ylabel("training pairs", color=GREY)
    behind.tick_params(colors=GREY)
    axes.set_zorder(behind.get_zorder() + 1)
    axes.patch.set_visible(False)


def _seen(loss: PlottedLoss, *, slope: bool) -> Tensor:
    """The finite values; only those where pairs lie, all but one in a hundred at either end, if the rest is far off."""
    curve = loss.profile.main
    values = curve.slopes if slope else curve.values
    finite = values.isfinite()
    if loss.margins is None:
        return values[finite]
    margins = loss.margins.double()
    low, high = margins.quantile(0.01).clamp(max=0), margins.quantile(0.99).clamp(min=0)
    inside = finite & (loss.profile.rho >= low) & (loss.profile.rho <= high)
    return values[inside if _span(values[finite]) > 3 * _span(values[inside]) > 0 else finite]


def _span(values: Tensor) -> float:
    return float(values.max() - values.min()) if len(values) else 0.0


def _limit(axes: Axes, seen: Sequence[Tensor]) -> bool:
    """Fits the vertical axis to what is seen, with a log scale where losses differ much: true then."""
    seen = [values for values in seen if len(values)]
    if not seen:
        return False
    low, high = min(float(values.min()) for values in seen), max(float(values.max()) for values in seen)
    spans = [_span(values) for values in seen if _span(values) > 0]
    if spans and max(spans) > FARTHEST_SCALES * min(spans):
        linear = 10 ** math.floor(math.log10(min(spans)))
        axes.set_yscale("symlog", linthresh=linear)
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(1.6 * low if low < 0 else -0.3 * linear, 1.6 * high if high > 0 else 0.3 * linear)
        return True
    room = 0.08 * (high - low) or 0.5
    axes.set_ylim(low - room, high + room)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4), useMathText=True)
    return False


def _dashes(way: str) -> Any:
    return DASHES[[other.name for other in OTHER_WAYS].index(way)]


def _legend(losses: Sequence[PlottedLoss]) -> list[Line2D | Patch]:
    several = len({loss.beta for loss in losses}) > 1
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=colour, linewidth=2, label=f"{loss.name} (beta {loss.beta:g})" if several else loss.name)
        for loss, colour in zip(losses, COLOURS, strict=False)
    ]
    used = {other.way for loss in losses for other in loss.profile.others}
    colour = COLOURS[0] if len(losses) == 1 else GREY
    handles += [
        Line2D([], [], color=colour, linewidth=1, linestyle=_dashes(way.name), label=way.name)
        for way in OTHER_WAYS
        if way.name in used
    ]
    handles.append(Line2D([], [], color=GREY, linewidth=0.8, linestyle=DOTS, marker="o", label="start of training"))
    if any(loss.counts is not None for loss in losses):
        handles.append(Patch(color=colour, alpha=0.25, label="training pairs at the end (right axis)"))
    return handles
