"""Preference pairs of any source and layout. Every row is either usable or named with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from losslab_trainer.data.flags import contradictions, flags, split_word
from losslab_trainer.data.layouts import LAYOUTS, layout_of
from losslab_trainer.data.parsing import Unusable, parse
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.reading import open_source
from losslab_trainer.data.rows import Finding, PreferenceRow, Text
from losslab_trainer.data.sources import Broken, Source
from losslab_trainer.data.spec import DataSpec

OUR_NAMES = ("prompt", "chosen", "rejected", "instruction", "output_1", "output_2", "preference", "system", "p_chosen")


@dataclass(frozen=True)
class Preferences:
    """A source's pairs: ``total == len(rows) + len(unusable)``."""

    name: str  # of the source, for messages
    layout: str  # of layouts.LAYOUTS
    total: int
    rows: tuple[PreferenceRow, ...]  # usable
    unusable: tuple[Finding, ...]
    flagged: tuple[Finding, ...]  # about usable rows
    other_splits: tuple[str, ...]  # that the source has besides this one


def load_preferences(spec: DataSpec) -> Preferences:
    """Reads a source. Raises DataProblem with the place and the next step; rows that are bad are no exception."""
    source = _mapped(open_source(spec), spec.columns)
    layout = layout_of(source, spec.layout, implicit=spec.columns.get("prompt") == "")
    rows: list[PreferenceRow] = []
    unusable: list[Finding] = []
    flagged: list[Finding] = []
    seen: dict[tuple[Text, Text, Text], int] = {}
    for number, raw in enumerate(source.rows):
        if isinstance(raw, Broken):
            unusable.append(Finding(number, "malformed", raw.explanation))
            continue
        try:
            row = parse(number, raw, layout)
        except Unusable as error:
            unusable.append(Finding(number, error.reason, error.explanation))
            continue
        first = seen.setdefault((row.prompt, row.chosen, row.rejected), number)
        if first != number:
            unusable.append(Finding(number, "duplicate", f"the same as row {first}"))
            continue
        rows.append(row)
        flagged += flags(row, raw)
        cut = split_word(row) if layout == "implicit-plain" else None
        flagged += [cut] if cut else []
    flagged = sorted([*flagged, *contradictions(rows)], key=lambda finding: finding.row)
    return Preferences(
        source.name, layout, len(source.rows), tuple(rows), tuple(unusable), tuple(flagged), source.other_splits
    )


def _mapped(source: Source, columns: Mapping[str, str]) -> Source:
    """The source with its columns under our names. An empty name says that there is no such column."""
    for ours, theirs in columns.items():
        if ours not in OUR_NAMES:
            raise DataProblem(
                f"--map {ours}={theirs}: no column called {ours} is used; there are {', '.join(OUR_NAMES)}"
            )
        if theirs and theirs not in source.columns:
            raise DataProblem(
                f"{source.name} has no column {theirs}, which --map gives as {ours}; it has {', '.join(source.columns)}"
            )
    if not columns:
        return source
    theirs_to_ours = {theirs: ours for ours, theirs in columns.items() if theirs}
    hidden = set(columns) - set(theirs_to_ours)  # our names whose own column is not meant

    def rename(row: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in row.items() if name not in hidden and name not in columns}
        return kept | {ours: row.get(theirs) for theirs, ours in theirs_to_ours.items()}

    names = [name for name in source.columns if name not in hidden and name not in columns]
    return replace(
        source,
        columns=tuple(dict.fromkeys([*names, *theirs_to_ours.values()])),
        rows=[row if isinstance(row, Broken) else rename(row) for row in source.rows],
    )


__all__ = ["LAYOUTS", "Preferences", "load_preferences"]
