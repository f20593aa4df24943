"""Finds the Python in what a model wrote: fenced blocks, JSON replies, escaped code, prose around code.

Lines that are not code become blank lines, so that line numbers stay those of the text that was given.
"""

from __future__ import annotations

import json
import re
import textwrap

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening import parsing

_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[ \t]*([\w+-]*)[^\n]*$")
_CODE_START = re.compile(
    r"(import [\w.]+( as \w+)?(, *[\w.]+)*|from [\w.]+ import .+|(async )?def \w+ *\(.*|class \w+.*:|@\w.*)$"
)
_CODE_KEYS = ("code", "loss", "source", "function", "loss_code", "program")
MOST_CUTS = 40


def python_in(text: str) -> tuple[str, list[str]]:
    """The Python text, and which wrappings were taken off (``json``, ``escaped``, ``fenced``, ``prose``, ``indented``).

    Raises LossRejected: ``empty`` without any code, ``syntax`` when what looks like code does not parse.
    """
    if len(text) > parsing.LARGEST_SOURCE:
        raise LossRejected("forbidden", f"the text has {len(text)} characters, more than {parsing.LARGEST_SOURCE}")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    forms: list[str] = []
    unwrapped = _from_json(text)
    if unwrapped is not None:
        text = unwrapped
        forms.append("json")
    elif "\n" not in text.strip() and "\\n" in text and _first_error(text) is not None:
        text = _unescaped(text)
        forms.append("escaped")
    blocks = _fenced(text)
    if blocks:
        forms.append("fenced")
        text = _joined(text, blocks, forms)
    elif _first_error(text) is not None:
        text = _without_indent_or_prose(text, forms)
    if not text.strip():
        raise LossRejected("empty", "no code in the text")
    return text, forms


def _from_json(text: str) -> str | None:
    stripped = text.strip()
    if not stripped.startswith(("{", '"')):
        return None
    try:
        value = json.loads(stripped, strict=False)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        texts = [value[key] for key in _CODE_KEYS if isinstance(value.get(key), str)]
        texts += [item for item in value.values() if isinstance(item, str) and "def " in item]
        value = texts[0] if texts else None
    if not isinstance(value, str):
        return None
    return _unescaped(value) if "\n" not in value and "\\n" in value else value


def _unescaped(text: str) -> str:
    stripped = text.strip().strip('"')
    try:
        return str(json.loads(f'"{stripped}"', strict=False))
    except ValueError:
        return stripped.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"').replace("\\'", "'")


def _fenced(text: str) -> list[tuple[int, int]]:
    """Line ranges [start, end) inside fences; an unclosed last fence runs to the end."""
    lines = text.split("\n")
    blocks: list[tuple[int, int]] = []
    opened: tuple[str, int] | None = None
    for number, line in enumerate(lines):
        match = _FENCE.match(line)
        if match is None:
            continue
        if opened is None:
            opened = (match[1], number + 1)
        elif match[1].startswith(opened[0]) and not match[2]:
            blocks.append((opened[1], number))
            opened = None
    if opened is not None:
        blocks.append((opened[1], len(lines)))
    return [block for block in blocks if any(line.strip() for line in lines[block[0] : block[1]])]


def _joined(text: str, blocks: list[tuple[int, int]], forms: list[str]) -> str:
    """All blocks that parse, each at its own lines; a single JSON block is unwrapped."""
    lines = text.split("\n")
    kept = [""] * len(lines)
    error: LossRejected | None = None
    parsed = 0
    for start, end in blocks:
        block = "\n".join(lines[start:end])
        inner = _from_json(block)
        if inner is not None and "def " in inner:
            forms.append("json")
            return inner
        code = block if _first_error(block) is None else textwrap.dedent(block)
        problem = _first_error(code)
        if problem is None:
            kept[start:end] = code.split("\n")
            parsed += 1
        elif "def " in block and error is None:
            error = LossRejected(problem.code, problem.message, (problem.line or 1) + start, problem.details)
    if parsed == 0 or (error is not None and not any("def " in line for line in kept)):
        raise error or LossRejected("empty", "no fenced block holds Python")
    return "\n".join(kept)


def _without_indent_or_prose(text: str, forms: list[str]) -> str:
    """Python from text that does not parse as it is: indented as a whole, or with prose around it at the margin."""
    problem = _first_error(text)
    if problem is None or problem.code != "syntax":
        raise problem or LossRejected("empty", "no code in the text")
    dedented = textwrap.dedent(text)
    if dedented != text:
        if _first_error(dedented) is None:
            forms.append("indented")
            return dedented
        text = dedented
    lines = text.split("\n")
    starts = [i for i, line in enumerate(lines) if _CODE_START.match(line)]
    if not starts:
        looks_like_code = re.search(r"^\s*(def|return|import)\b", text, re.MULTILINE)
        raise problem if looks_like_code else LossRejected("empty", "no function in the text")
    lines[: starts[0]] = [""] * starts[0]
    for _ in range(MOST_CUTS):
        error = _first_error("\n".join(lines))
        if error is None:
            forms.append("prose")
            return "\n".join(lines)
        at = min((error.line or 1) - 1, len(lines) - 1)
        # Prose stands at the margin. An error inside an indented body is the code's own.
        if at <= starts[0] or not lines[at] or lines[at][0].isspace() or _CODE_START.match(lines[at]):
            raise error
        following = [i for i in starts if i > at]
        resume = following[0] if following else len(lines)
        lines[at:resume] = [""] * (resume - at)
    raise problem


def _first_error(text: str) -> LossRejected | None:
    try:
        parsing.parse(text)
    except LossRejected as error:
        return error
    return None
