"""Models whose rotary tables switch with the length of what is encoded (longrope, as in Phi-3).

transformers chooses one table for a whole batch, by its longest sequence: a long neighbour would move the
log-probabilities of short sequences by nats. So sequences on different sides of such a border are never encoded
together, and each has the values that it has alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from losslab_trainer.finetune.layout import Pair, sequences

Borders = tuple[int, ...]  # the greatest lengths, rising, that still have the tables before them


def borders(config: Any) -> Borders:
    """Of a model's configuration; empty for nearly all. Layers of several kinds may have a border each."""
    rope = getattr(config.get_text_config(), "rope_parameters", None) or {}
    kinds = [rope, *(kind for kind in rope.values() if isinstance(kind, Mapping))]
    found = {kind.get("original_max_position_embeddings") for kind in kinds if kind.get("rope_type") == "longrope"}
    return tuple(sorted(length for length in found if length is not None))


def side(length: int, limits: Borders) -> int:
    """On which side of the borders a sequence is: 0 before the first."""
    return bisect_left(limits, length)


def lengths(pair: Pair) -> tuple[int, int]:
    chosen, rejected, _, _ = sequences(pair)
    return len(chosen), len(rejected)


@dataclass(frozen=True)
class OneSide:
    """One sequence of a pair, as a pair of its own whose sides are the same: encoded once."""

    prompt_ids: tuple[int, ...]
    chosen_ids: tuple[int, ...]

    @property
    def rejected_ids(self) -> tuple[int, ...]:
        return self.chosen_ids

    @property
    def rejected_prompt_ids(self) -> None:
        return None


@dataclass(frozen=True)
class Parted:
    """Pairs, each with both sequences on one side of the borders, and where those of the original pairs are."""

    pairs: tuple[Pair, ...]
    chosen: tuple[int, ...]  # of each original pair: the place in ``pairs``
    rejected: tuple[int, ...]


def parted(pairs: Sequence[Pair], limits: Borders) -> Parted:
    """Takes pairs apart whose two sequences are on different sides."""
    found: list[Pair] = []
    chosen: list[int] = []
    rejected: list[int] = []
    for pair in pairs:
        chosen.append(len(found))
        one, other = (side(length, limits) for length in lengths(pair))
        if one == other:
            found.append(pair)
        else:
            prompt = pair.prompt_ids if pair.rejected_prompt_ids is None else pair.rejected_prompt_ids
            found += [OneSide(pair.prompt_ids, pair.chosen_ids), OneSide(prompt, pair.rejected_ids)]
        rejected.append(len(found) - 1)
    return Parted(tuple(found), tuple(chosen), tuple(rejected))


def batch_key(length: int, new: int, limits: Borders) -> tuple[int, int]:
    """Prompts with the same key can be continued together by up to ``new`` tokens.

    Where answers may cross a border, only prompts of one length do so at the same token.
    """
    start, end = side(length, limits), side(length + new, limits)
    return (start, 0) if start == end else (start, length)
