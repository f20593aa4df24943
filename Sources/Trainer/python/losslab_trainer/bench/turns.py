"""Measurements of several ways that take turns, so that all see the same machine."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """Of a figure's rounds."""

    minimum: float
    median: float
    maximum: float


def spread(values: Sequence[float]) -> Spread:
    return Spread(min(values), statistics.median(values), max(values))


def in_turns(kinds: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Spread]:
    """Each kind measures itself once a round; a round before the first warms up and is not counted."""
    figures: dict[str, list[float]] = {name: [] for name in kinds}
    for number in range(-1, rounds):
        for name, measure in kinds.items():
            figure = measure()
            if number >= 0:
                figures[name].append(figure)
    return {name: spread(values) for name, values in figures.items()}
