"""Prompts without answers: a column of any source that preference pairs are read from, or the lines of a text file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from losslab_trainer.data.dialogues import Malformed, is_messages, messages_of, unpacked
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.reading import open_source
from losslab_trainer.data.rows import Text, plain_text
from losslab_trainer.data.sources import Broken, Source
from losslab_trainer.data.spec import DataSpec

# Columns that hold prompts in sets that people use; `turns` is MT-Bench's, of which the first is taken.
COLUMNS = ("prompt", "query", "question", "instruction", "turns", "messages", "post", "text")


@dataclass(frozen=True)
class Prompts:
    """A source's prompts in its order; ``total == len(texts) + dropped.total()``."""

    name: str
    total: int
    texts: tuple[Text, ...]
    dropped: Counter[str]  # rows without a prompt, by reason: empty, malformed


def load_prompts(spec: DataSpec, column: str | None) -> Prompts:
    """``column`` None takes the one that is called as prompts are. Raises DataProblem where that is not clear."""
    path = Path(spec.path).expanduser()
    if path.suffix.lower() == ".txt" and path.is_file():
        source = _lines(path, spec.limit)
        column = "prompt"
    else:
        source = open_source(spec)
    column = _column(source, column)
    texts: list[Text] = []
    dropped: Counter[str] = Counter()
    for row in source.rows:
        prompt = None if isinstance(row, Broken) else _prompt(row.get(column))
        if prompt is None:
            dropped["malformed"] += 1
        elif not plain_text(prompt).strip():
            dropped["empty"] += 1
        else:
            texts.append(prompt)
    return Prompts(source.name, len(source.rows), tuple(texts), dropped)


def _lines(path: Path, limit: int | None) -> Source:
    try:
        lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataProblem(f"{path} cannot be read: {error}") from None
    if not lines:
        raise DataProblem(f"{path} holds no rows")
    return Source(str(path), ("prompt",), [{"prompt": line} for line in lines[:limit]])


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


def _prompt(value: Any) -> Text | None:
    """Text, or a dialogue that ends with what the user said; None for anything else. Nothing at all is empty text."""
    value = unpacked(value)
    if value is None or value == []:
        return ""
    if isinstance(value, list) and all(isinstance(turn, str) for turn in value):
        value = value[0]
    if isinstance(value, str):
        return value
    try:
        messages = messages_of(value) if is_messages(value) else ()
    except Malformed:
        return None
    return messages if messages and messages[-1].role == "user" else None
