"""Data for a training: rows read, split without shared prompts, tokenised, counted, and drawn from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from losslab_trainer.data.account import account
from losslab_trainer.data.load import Preferences, load_preferences
from losslab_trainer.data.rows import PreferenceRow
from losslab_trainer.data.spec import DataSpec
from losslab_trainer.data.tokenise import TokenisedPair, TokenisedPreferences, TokeniseOptions, tokenise
from losslab_trainer.finetune.problem import FinetuneProblem

SPLIT_DIGITS = 8  # bytes of the hash that decides a prompt's side
SIDES = ("search", "confirmation")


@dataclass(frozen=True)
class PreparedData:
    """Tokenised pairs of both sides, and what became of the rest."""

    train: tuple[TokenisedPair, ...]
    held_out: tuple[TokenisedPair, ...]
    name: str
    conversational: bool
    unusable: int  # rows of the training source that cannot be used, of whatever reason, whichever side they are on
    truncated: int  # training pairs of which anything was cut
    shared_prompts: int  # training prompts that a held-out set of its own has too
    pool: tuple[TokenisedPair, ...] = ()  # what the training pairs were drawn from, in the source's order
    drawn: tuple[int, ...] = ()  # their places in it
    notes: tuple[str, ...] = ()  # what is not used, or used otherwise than it lies there

    def to_json(self) -> dict[str, object]:
        return {
            "usable": len(self.train),
            "heldOut": len(self.held_out),
            "unusable": self.unusable,
            "truncated": self.truncated,
        }


@dataclass(frozen=True)
class Draw:
    """Which pairs a campaign's trial trains on: a number of them from one of two sides that share no prompt."""

    side: str
    confirmation_share: float  # of the prompts
    count: int  # pairs, or all there are
    seed: int

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Draw:
        known = {"side", "confirmationShare", "count", "seed"}
        if set(value) != known:
            raise FinetuneProblem(f"data.draw: needs {', '.join(sorted(known))}, and has {', '.join(sorted(value))}")
        draw = Draw(value["side"], float(value["confirmationShare"]), int(value["count"]), int(value["seed"]))
        if draw.side not in SIDES or not 0 < draw.confirmation_share < 1 or draw.count < 1:
            raise FinetuneProblem(
                f"data.draw: side is {' or '.join(SIDES)}, the share between 0 and 1, the count from 1: {dict(value)}"
            )
        return draw

    def has(self, row: PreferenceRow) -> bool:
        """Decided by other digits of the prompt's hash than those that hold pairs back."""
        confirming = _position(prompt_hash(row)[SPLIT_DIGITS:]) < self.confirmation_share
        return confirming == (self.side == "confirmation")

    def of(self, data: PreparedData) -> PreparedData:
        """The pairs that the seed draws, each at most once, the same whatever loss is trained."""
        generator = torch.Generator().manual_seed(self.seed)
        chosen = torch.randperm(len(data.train), generator=generator).tolist()[: self.count]
        return replace(data, train=tuple(data.train[i] for i in chosen), pool=data.train, drawn=tuple(chosen))


_recent: dict[str, PreparedData] = {}  # sides that a campaign's trials draw from again and again, latest last
MOST_RECENT = 2  # the search's and the confirmation's


def prepare(
    value: Mapping[str, Any], tokenizer: Any, options: TokeniseOptions, *, tokenizer_key: str | None = None
) -> PreparedData:
    """Reads what a job's ``data`` names, and draws from it where it says so. Raises DataProblem and FinetuneProblem.

    ``tokenizer_key`` names the tokenizer by content; with it, a side that was just drawn from is not tokenised again.
    """
    unknown = sorted(set(value) - {"train", "heldOut", "heldOutShare", "draw"})
    if unknown:
        raise FinetuneProblem(f"data: unknown key {unknown[0]!r}; known are draw, heldOut, heldOutShare, train")
    draw = None if value.get("draw") is None else Draw.from_json(value["draw"])
    if draw is None:
        return _read(value, draw, tokenizer, options)
    key = None if tokenizer_key is None else _side_key(value, draw, tokenizer_key, options)
    data = _recent.pop(key, None) if key is not None else None
    data = data or _read(value, draw, tokenizer, options)
    if key is not None:
        _recent[key] = data
        for old in list(_recent)[:-MOST_RECENT]:
            del _recent[old]
    return draw.of(data)


def _side_key(value: Mapping[str, Any], draw: Draw, tokenizer_key: str, options: TokeniseOptions) -> str:
    """Everything that a side's tokenised pairs depend on; of files their sizes and times of change."""
    path = Path(str(value["train"].get("path", "")))
    files = sorted(path.rglob("*")) if path.is_dir() else [path] if path.exists() else []
    stamps = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    named = {**value, "draw": [draw.side, draw.confirmation_share]}
    return json.dumps([named, tokenizer_key, repr(options), stamps], sort_keys=True)


def _read(value: Mapping[str, Any], draw: Draw | None, tokenizer: Any, options: TokeniseOptions) -> PreparedData:
    preferences = load_preferences(DataSpec.from_json(value["train"]))
    share = 0.1 if value.get("heldOutShare") is None else float(value["heldOutShare"])
    if not 0 <= share < 1:
        raise FinetuneProblem(f"data.heldOutShare: must be from 0 to below 1, not {share!r}")
    shared = 0
    other = None if value.get("heldOut") is None else load_preferences(DataSpec.from_json(value["heldOut"]))
    _check_usable(preferences)
    if other is not None:
        _check_usable(other)
        held_out = other.rows
        train: Sequence[PreferenceRow] = preferences.rows
        held_out_prompts = {prompt_hash(row) for row in held_out}
        shared = len({prompt_hash(row) for row in train} & held_out_prompts)
    else:
        train = [row for row in preferences.rows if not is_held_out(row, share)]
        held_out = tuple(row for row in preferences.rows if is_held_out(row, share))
        if share > 0 and not held_out:
            raise FinetuneProblem(
                f"data {preferences.name}: none of its {len(preferences.rows)} usable rows falls on the held-out side; "
                "more prompts are needed, or a larger data.heldOutShare, or a held-out set of its own"
            )
    if not train:
        raise FinetuneProblem(
            f"data {preferences.name}: all {len(preferences.rows)} usable rows fall on the held-out side; "
            "lower data.heldOutShare or name a held-out set"
        )
    if draw is not None:
        train = [row for row in train if draw.has(row)]
        if not train:
            raise FinetuneProblem(
                f"data {preferences.name}: none of its {len(preferences.rows)} usable rows falls on the side of the "
                f"{draw.side}; more prompts are needed, or another data.confirmationShare"
            )
    tokenised = _tokenised(preferences.name, "pair", train, tokenizer, options)
    held: TokenisedPreferences | None = None
    if held_out:
        name = preferences.name if other is None else other.name
        held = _tokenised(name, "held-out pair", held_out, tokenizer, options)
    notes = account(
        "training data",
        preferences,
        [tokenised, *([held] if held and other is None else [])],
        "" if draw is None else f", side of the {draw.side}",
    )
    notes += account("held-out data", other, [held]) if other is not None and held is not None else []
    of_held_out = len(held.dropped) if held and other is None else 0
    return PreparedData(
        train=tokenised.pairs,
        held_out=held.pairs if held else (),
        name=preferences.name,
        conversational=preferences.rows[0].conversational,
        unusable=len(preferences.unusable) + len(tokenised.dropped) + of_held_out,
        truncated=tokenised.truncated.pairs,
        shared_prompts=shared,
        notes=tuple(notes),
    )


def _check_usable(preferences: Preferences) -> None:
    if not preferences.rows:
        first = f": row {preferences.unusable[0].row}: {preferences.unusable[0].explanation}"
        raise FinetuneProblem(
            f"data {preferences.name}: none of its {preferences.total} rows is usable"
            f"{first if preferences.unusable else ''}; `losslab data inspect` lists them"
        )


def _tokenised(
    name: str, what: str, rows: Sequence[PreferenceRow], tokenizer: Any, options: TokeniseOptions
) -> TokenisedPreferences:
    """Raises FinetuneProblem where no pair is left, before anything is trained."""
    tokenised = tokenise(rows, tokenizer, options)
    if not tokenised.pairs:
        raise FinetuneProblem(
            f"data {name}: no {what} is left at training.maxLength {options.max_length} "
            f"({tokenised.dropped[0].explanation})"
        )
    return tokenised


def is_held_out(row: PreferenceRow, share: float) -> bool:
    """The side a prompt's hash puts a row on: fixed, and the same for all rows with that prompt."""
    return _position(prompt_hash(row)[:SPLIT_DIGITS]) < share


def _position(digits: bytes) -> float:
    """From 0 to below 1."""
    return int.from_bytes(digits, "big") / 256.0 ** len(digits)


def prompt_hash(row: PreferenceRow) -> bytes:
    return hashlib.blake2b(repr(row.prompt).encode(), digest_size=16).digest()
