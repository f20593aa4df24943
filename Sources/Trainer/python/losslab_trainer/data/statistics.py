"""What a set of pairs looks like: lengths, whether the longer answer wins, prompts shared with other sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from losslab_trainer.data.rows import PreferenceRow, plain_text


@dataclass(frozen=True)
class Spread:
    """Summary of n counts."""

    mean: float
    median: float
    p95: int
    max: int
    total: int

    @staticmethod
    def of(counts: Iterable[int]) -> Spread | None:
        values = sorted(counts)
        if not values:
            return None
        # The smallest value that at least 95 % do not exceed.
        p95 = values[-(-95 * len(values) // 100) - 1]
        return Spread(sum(values) / len(values), float(median(values)), p95, values[-1], sum(values))

    def to_json(self) -> dict[str, float]:
        return {"mean": self.mean, "median": self.median, "p95": self.p95, "max": self.max, "total": self.total}


def spreads(columns: dict[str, Iterable[int]]) -> dict[str, dict[str, float] | None]:
    found = {name: Spread.of(counts) for name, counts in columns.items()}
    return {name: spread.to_json() if spread else None for name, spread in found.items()}


def longer_wins(rows: Sequence[PreferenceRow]) -> float | None:
    """Share of the pairs whose chosen answer has more characters; pairs of equal length do not count."""
    lengths = [(len(plain_text(row.chosen)), len(plain_text(row.rejected))) for row in rows]
    unequal = [chosen > rejected for chosen, rejected in lengths if chosen != rejected]
    return sum(unequal) / len(unequal) if unequal else None


@dataclass(frozen=True)
class SharedPrompt:
    """A prompt that two sets have, and where."""

    prompt: str
    rows: tuple[int, ...]
    other: str  # the other set's name
    other_rows: tuple[int, ...]


def shared_prompts(
    rows: Sequence[PreferenceRow], other: str, other_rows: Sequence[PreferenceRow]
) -> list[SharedPrompt]:
    """Prompts of both sets, compared as text without roles and outer space."""
    ours, theirs = _by_prompt(rows), _by_prompt(other_rows)
    return [
        SharedPrompt(prompt, tuple(numbers), other, tuple(theirs[prompt]))
        for prompt, numbers in ours.items()
        if prompt in theirs
    ]


def _by_prompt(rows: Sequence[PreferenceRow]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in rows:
        found.setdefault(plain_text(row.prompt).strip(), []).append(row.row)
    return found
