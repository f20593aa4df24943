"""Prompts without answers: a column of any source that preference pairs are read from, or the lines of a text file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from losslab_trainer.data.dialogues import Malformed, is_messages, is_unreadable, messages_of, unpacked
from losslab_trainer.data.load import filled
from losslab_trainer.data.opening import LONGEST_LINE, lines, opened
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.reading import open_source
from losslab_trainer.data.registry import SYSTEM_LIKE
from losslab_trainer.data.rows import Message, Text, plain_text
from losslab_trainer.data.sources import Broken, RawRow, Source
from losslab_trainer.data.spec import DataSpec

# Columns that hold prompts in sets that people use; `turns` is MT-Bench's.
COLUMNS = ("prompt", "query", "question", "instruction", "turns", "messages", "post", "text")


@dataclass(frozen=True)
class Prompts:
    """A source's prompts in its order; ``total == len(texts) + dropped.total()``."""

    name: str
    total: int
    texts: tuple[Text, ...]
    dropped: Counter[str]  # rows without a prompt, by reason: empty, malformed
    notes: tuple[str, ...] = ()  # what is not used, or became a part of the prompt


def load_prompts(spec: DataSpec, column: str | None) -> Prompts:
    """``column`` None takes the one that is called as prompts are. Raises DataProblem where that is not clear."""
    path = Path(spec.path).expanduser()
    if path.suffix.lower() == ".txt" and path.is_file():
        source = _lines(path, spec.limit)
        column = "prompt"
    else:
        source = open_source(spec)
    parts = _parts(source, column)
    column = parts[0]
    texts: list[Text] = []
    dropped: Counter[str] = Counter()
    later = 0
    for row in source.rows:
        prompt = None if isinstance(row, Broken) else _prompt(row, parts)
        if prompt is None:
            dropped["malformed"] += 1
        elif not plain_text(prompt).strip():
            dropped["empty"] += 1
        else:
            texts.append(prompt)
            later += isinstance(row, Mapping) and _has_later_turns(row.get(column))
    notes = [f"the column {name} is part of the prompt in {filled(source, name)} rows" for name in parts[1:]]
    unused = [(name, filled(source, name)) for name in source.columns if name not in parts]
    listed = ", ".join(f"{name} (filled in {rows} rows)" for name, rows in unused if rows)
    notes += [f"columns that are not used: {listed}"] if listed else []
    notes += [f"only the first turn of {column} is answered in {later} rows that have more"] if later else []
    return Prompts(source.name, len(source.rows), tuple(texts), dropped, tuple(notes))


def _lines(path: Path, limit: int | None) -> Source:
    rows: list[RawRow] = []
    with opened(path) as stream:
        for number, line in enumerate(lines(stream), start=1):
            if isinstance(line, int):
                rows.append(Broken(f"a line of {line} bytes, more than {LONGEST_LINE}"))
            elif line.strip():
                try:
                    rows.append({"prompt": line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r")})
                except UnicodeDecodeError as error:
                    raise DataProblem(f"{path} is not UTF-8 (line {number}, byte {error.start} of it)") from None
            if len(rows) == limit:
                break
    if not rows:
        raise DataProblem(f"{path} holds no rows")
    return Source(str(path), ("prompt",), rows)


def _column(source: Source, column: str | None) -> str:
    listed = ", ".join(source.columns)
    if column is not None:
        if column not in source.columns:
            raise DataProblem(f"{source.name} has no column {column}; there are {listed}")
        return column
    found = [name for name in COLUMNS if name in source.columns]
    if "prompt" in found or len(found) == 1:
        return found[0]
    raise DataProblem(f"{source.name}: which column holds the prompts? Choose with --column: {listed}")


def _parts(source: Source, column: str | None) -> list[str]:
    """The prompts' column, and those that belong to it; a column that was named is taken alone."""
    if column is not None:
        return [_column(source, column)]
    found = _column(source, None)
    beside = [name for name in SYSTEM_LIKE if filled(source, name)]
    beside += ["input"] if found == "instruction" and filled(source, "input") else []
    return [found, *beside]


def _prompt(row: Mapping[str, Any], parts: Sequence[str]) -> Text | None:
    """A row's prompt, opened by its system message and followed by its input where it has them."""
    prompt = _own(row.get(parts[0]))
    if not prompt:
        return prompt
    given = {name: row.get(name) for name in parts[1:]}
    if not all(isinstance(value, str | None) for value in given.values()):
        return None
    context = given.pop("input", None)
    if context and context.strip() and isinstance(prompt, str):
        prompt = f"{prompt}\n\n{context}"
    systems = tuple(Message("system", value) for value in given.values() if value and value.strip())
    if not systems:
        return prompt
    turns = (Message("user", prompt),) if isinstance(prompt, str) else prompt
    return None if turns[0].role in {"system", "developer"} else (*systems[:1], *turns)


def _has_later_turns(value: Any) -> bool:
    value = unpacked(value)
    return isinstance(value, list) and len(value) > 1 and isinstance(value[0], str)


def _own(value: Any) -> Text | None:
    """Text, or a dialogue that ends with what the user said; None for anything else. Nothing at all is empty text."""
    value = unpacked(value)
    if value is None or value == []:
        return ""
    if isinstance(value, list) and all(isinstance(turn, str) for turn in value):
        value = value[0]
    if isinstance(value, str):
        return None if is_unreadable(value) else value
    try:
        messages = messages_of(value) if is_messages(value) else ()
    except Malformed:
        return None
    return messages if messages and messages[-1].role == "user" else None
