"""What of a source is not trained on, in sentences: columns, rows by reason, and parts of rows that are used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from losslab_trainer.data.load import Preferences
from losslab_trainer.data.rows import Finding
from losslab_trainer.data.tokenise import TokenisedPreferences


def account(
    name: str, preferences: Preferences, tokenised: Sequence[TokenisedPreferences], part: str = ""
) -> list[str]:
    """One sentence for each kind of thing that is not used, or used otherwise than it lies there; none for nothing.

    ``name`` is what the data are for: notes are kept, and a path would be one of this machine. ``part`` says which of
    the rows were looked at, where it is not all.
    """
    refused = [*preferences.unusable, *(finding for of in tokenised for finding in of.dropped)]
    notes = [f"{name}: {note}" for note in preferences.notes]
    if preferences.unused:
        columns = ", ".join(f"{column.name} (filled in {column.rows} rows)" for column in preferences.unused)
        notes.append(f"{name}: columns that are not used: {columns}")
    if refused:
        notes.append(
            f"{name}{part}: {len(refused)} of {preferences.total} rows cannot be used: {by_reason(refused)}; "
            "`losslab data inspect` names them"
        )
    notes += [f"{name}{part}: {note}" for note in unwritten_fields(f for of in tokenised for f in of.left_out)]
    told = [f for of in tokenised for f in (*of.left_out, *of.merged) if f.reason != "unused-field"]
    if told:
        notes.append(f"{name}{part}: rows that are not trained on as they lie there: {by_reason(told)}")
    return notes


def unwritten_fields(findings: Iterable[Finding]) -> list[str]:
    """One sentence on the fields that the template does not write, with their rows; none for none."""
    counts = Counter(finding.explanation for finding in findings if finding.reason == "unused-field")
    listed = ", ".join(f"{field} ({rows} rows)" for field, rows in counts.items())
    return [f"not written by the chat template: {listed}"] if listed else []


def by_reason(findings: Iterable[Finding]) -> str:
    """How many rows have each reason, and the first of them with what was found."""
    rows: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: finding.row):
        rows.setdefault(finding.reason, []).append(finding)
    return "; ".join(
        f"{len({finding.row for finding in found})} {reason} (row {found[0].row}: {found[0].explanation})"
        for reason, found in sorted(rows.items(), key=lambda item: -len(item[1]))
    )
