"""Preference pairs of any source and layout. Every row is either usable or named with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from losslab_trainer.data.cells import Unusable
from losslab_trainer.data.flags import STRENGTHS, contradictions, flags, identity, split_word
from losslab_trainer.data.layouts import layout_of
from losslab_trainer.data.parsing import parse
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.reading import open_source
from losslab_trainer.data.registry import LAYOUTS, SYSTEM_LIKE
from losslab_trainer.data.rows import Finding, PreferenceRow
from losslab_trainer.data.sources import Broken, Source, is_nothing
from losslab_trainer.data.spec import DataSpec
from losslab_trainer.failures import at

OUR_NAMES = (
    *("prompt", "chosen", "rejected", "system", "tools"),
    *("instruction", "input", "history", "output_1", "output_2", "preference", "p_chosen"),
)


@dataclass(frozen=True)
class UnusedColumn:
    """A column of the source that no part of a pair is read from."""

    name: str
    rows: int  # in which it holds something


@dataclass(frozen=True)
class Preferences:
    """A source's pairs: ``total == len(rows) + len(unusable)``."""

    name: str  # of the source, for messages
    layout: str  # of registry.LAYOUTS
    total: int
    rows: tuple[PreferenceRow, ...]  # usable
    unusable: tuple[Finding, ...]
    flagged: tuple[Finding, ...]  # about usable rows
    other_splits: tuple[str, ...]  # that the source has besides this one
    unused: tuple[UnusedColumn, ...] = ()
    notes: tuple[str, ...] = ()  # what was made of columns that not every set has


def load_preferences(spec: DataSpec) -> Preferences:
    """Reads a source. Raises DataProblem with the place and the next step; rows that are bad are no exception."""
    source, left_out = _mapped(open_source(spec), spec.columns)
    layout = layout_of(source, spec.layout, implicit=spec.columns.get("prompt") == "")
    rows: list[PreferenceRow] = []
    unusable: list[Finding] = []
    flagged: list[Finding] = []
    seen: dict[object, int] = {}
    number = 0
    with at(lambda: f"{source.name}, row {number}"):
        for number, raw in enumerate(source.rows):
            if isinstance(raw, Broken):
                unusable.append(Finding(number, "malformed", raw.explanation))
                continue
            try:
                row = parse(number, raw, layout)
            except Unusable as error:
                unusable.append(Finding(number, error.reason, error.explanation))
                continue
            first = seen.setdefault(identity(row), number)
            if first != number:
                unusable.append(Finding(number, "duplicate", f"the same as row {first}"))
                continue
            rows.append(row)
            flagged += flags(row, raw)
            cut = split_word(row) if layout == "implicit-plain" else None
            flagged += [cut] if cut else []
    flagged = sorted([*flagged, *contradictions(rows)], key=lambda finding: finding.row)
    return Preferences(
        source.name,
        layout,
        len(source.rows),
        tuple(rows),
        tuple(unusable),
        tuple(flagged),
        source.other_splits,
        (*_unused(source, layout), *left_out),
        tuple(_notes(source, layout)),
    )


def _mapped(source: Source, columns: Mapping[str, str]) -> tuple[Source, list[UnusedColumn]]:
    """The source with its columns under our names, and those that an empty name says are not to be used."""
    for ours, theirs in columns.items():
        if ours not in OUR_NAMES and (theirs or ours not in source.columns):
            raise DataProblem(
                f"--map {ours}={theirs}: no column called {ours} is used; there are {', '.join(OUR_NAMES)}"
            )
        if theirs and theirs not in source.columns:
            raise DataProblem(
                f"{source.name} has no column {theirs}, which --map gives as {ours}; it has {', '.join(source.columns)}"
            )
    if not columns:
        return source, []
    taken = {ours: theirs for ours, theirs in columns.items() if theirs}
    gone = set(columns) | set(taken.values())  # under their own names

    def rename(row: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in row.items() if name not in gone}
        return kept | {ours: row.get(theirs) for ours, theirs in taken.items()}

    names = [name for name in source.columns if name not in gone]
    mapped = replace(
        source,
        columns=tuple(dict.fromkeys([*names, *taken])),
        rows=[row if isinstance(row, Broken) else rename(row) for row in source.rows],
    )
    left_out = [name for name in source.columns if name in columns and name not in taken.values()]
    return mapped, _counted(source, left_out)


def _unused(source: Source, layout: str) -> list[UnusedColumn]:
    read = LAYOUTS[layout].all_columns | STRENGTHS
    return _counted(source, [name for name in source.columns if name not in read])


def _counted(source: Source, names: Sequence[str]) -> list[UnusedColumn]:
    return [UnusedColumn(name, rows) for name in names if (rows := filled(source, name))]


def filled(source: Source, name: str) -> int:
    """In how many rows a column holds something."""
    return sum(1 for row in source.rows if not isinstance(row, Broken) and not is_nothing(row.get(name)))


def _notes(source: Source, layout: str) -> list[str]:
    """What columns besides prompt and answers became part of the prompt."""
    if not LAYOUTS[layout].conversational:
        return []
    uses = [(name, "opens dialogues as their system message") for name in SYSTEM_LIKE]
    uses += [("tools", "goes to the chat template"), ("chat_template_kwargs", "goes to the chat template")]
    counted = [(name, use, filled(source, name)) for name, use in uses if name in source.columns]
    return [f"the column {name} {use} in {rows} rows" for name, use, rows in counted if rows]


__all__ = ["LAYOUTS", "Preferences", "UnusedColumn", "load_preferences"]
