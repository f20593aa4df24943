r"""Code in JSON as models write it: sound, or with raw line breaks, other quotes, missing commas, LaTeX, or cut off.

Sound JSON is read as JSON. Damaged JSON is read as the author must have meant it, with Python's parser as the judge of
where the code ends: the first closing quote at which what stands before it is a whole program. A repairing JSON reader
would have to guess that place, and would now and then drop a character of the code without a word.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening import parsing

CODE_KEYS = ("code", "loss_code", "python", "implementation", "source", "function", "program", "loss", "loss_function")
_THOUGHT_KEYS = ("thought", "thoughts", "reasoning", "idea", "rationale", "explanation", "description")
_NAME_KEYS = ("name", "title", "loss_name", "id")
_QUOTES = ('"""', "'''", "```", '"', "'", "`", "\u201c")
_KEYS = "|".join(CODE_KEYS)
_CODE_FIELD = re.compile(rf"""(?i)(?:["'`\u201c](?:{_KEYS})["'`\u201d]|\b(?:{_KEYS}))\s*:\s*(?=[rf]?["'`\u201c\[])""")
_MOST_OBJECTS = 60
_MOST_ENDS = 200
# LaTeX whose first letters are one of JSON's escapes: \rho would become a carriage return and "ho".
_LATEX = re.compile(
    r"\\(?:[rbf](?=[a-zA-Z])|t(?=au|heta|ext|anh|imes|ilde|frac|riangle)|n(?=abla)"
    r"|u(?![0-9a-fA-F]{4})|[^\"\\/bfnrtu])"
)


@dataclass(frozen=True)
class JSONAnswer:
    """One object that gives code: its place in the text, and its fields as they were meant."""

    start: int
    end: int
    code: str
    name: str | None
    thought: str | None
    closed: bool  # the string with the code came to its end


def answers(text: str) -> list[JSONAnswer]:
    """Objects with code in a text, whatever stands around them, in order."""
    found: list[JSONAnswer] = []
    at = tries = 0
    while tries < _MOST_OBJECTS and (start := _next_start(text, at)) >= 0:
        tries += 1
        answer = _sound(text, start) or _damaged(text, start)
        if answer is not None:
            found.append(answer)
        at = max(answer.end if answer is not None else 0, start + 1)
    if not found and (whole := _string_alone(text)) is not None:
        found.append(JSONAnswer(0, len(text), whole, None, None, True))
    return found


def unescaped(code: str) -> str:
    """Code whose line breaks were escaped once too often."""
    if "\n" in code.strip() or "\\n" not in code:
        return code
    return _decoded(code.strip().strip('"'))


def _next_start(text: str, at: int) -> int:
    """The next brace that can open an answer; a dict that code assigns or hands on is none."""
    match = re.compile(r"(?<![=(])(?<![=(] )\{\s*(?:[\"'`\u201c\w]|//|/\*|#)").search(text, at)
    return match.start() if match is not None else -1


def _sound(text: str, start: int) -> JSONAnswer | None:
    source = _with_latex(text[start:])
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(source)
    except (ValueError, RecursionError):
        return None
    fields = _fields(value)
    if fields is None:
        return None
    length = end - (len(source) - len(text[start:])) if end == len(source) else _raw_length(text[start:], end)
    code = _first(fields, CODE_KEYS) or ""
    return JSONAnswer(start, start + length, code, _first(fields, _NAME_KEYS), _first(fields, _THOUGHT_KEYS), True)


def _raw_length(raw: str, end: int) -> int:
    """Where a place in the text with its LaTeX escaped lies in the text as it was given."""
    added = 0
    for match in _LATEX.finditer(raw):
        if match.start() + added >= end:
            break
        if _is_escape(raw, match.start()):
            added += 1
    return end - added


def _with_latex(raw: str) -> str:
    return _LATEX.sub(lambda match: "\\" + match[0] if _is_escape(raw, match.start()) else match[0], raw)


def _is_escape(raw: str, at: int) -> bool:
    """Whether the backslash here is none that another backslash escapes."""
    count = 0
    while at > count and raw[at - 1 - count] == "\\":
        count += 1
    return count % 2 == 0


def _fields(value: object) -> dict[str, str] | None:
    """The object with code, or the one inside a wrapper such as ``{"answer": {...}}``; lists of lines joined."""
    if isinstance(value, dict):
        fields = {str(key).lower(): text for key, item in value.items() if (text := _text(item)) is not None}
        if any(key in CODE_KEYS for key in fields) and ("code" in fields or _holds_function(_first(fields, CODE_KEYS))):
            return fields
        inner: object = list(value.values())
    else:
        inner = value
    if isinstance(inner, list):
        return next((found for item in reversed(inner) if (found := _fields(item)) is not None), None)
    return None


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "\n".join(str(item).removesuffix("\n") for item in value)
    return None


def _first(fields: dict[str, str], keys: tuple[str, ...]) -> str | None:
    return next((fields[key] for key in keys if fields.get(key, "").strip()), None)


def _holds_function(code: str | None) -> bool:
    return code is not None and re.search(r"\b(def|class)\s+\w+|\blambda\b", code) is not None


def _damaged(text: str, start: int) -> JSONAnswer | None:
    following = _next_object(text, start)
    match = _CODE_FIELD.search(text, start, following)
    if match is None:
        return None
    at = match.end()
    if text[at] == "[":
        return _listed(text, start, at)
    if text[at] in "rf":
        at += 1
    quote = next((q for q in _QUOTES if text.startswith(q, at)), None)
    if quote is None:
        return None
    begin = at + len(quote)
    around = text[start : match.start()]
    last: tuple[int, str] | None = None
    for end in _ends(text, begin, "\u201d" if quote == "\u201c" else quote):
        code = _decoded(text[begin:end])
        if last is None or not _is_whole(code):
            last = (end, code)
        if _is_whole(code):
            last = (end, code)
            break
    if last is None:
        code = _decoded(text[begin:])
        if not _holds_function(code):
            return None
        return JSONAnswer(start, len(text), code, _near(around, _NAME_KEYS), _near(around, _THOUGHT_KEYS), False)
    end, code = last
    if not _holds_function(code):
        return None
    rest = text[end + len(quote) : following]
    brace = re.match(r"[^{}]*\}", rest)
    close = end + len(quote) + (brace.end() if brace is not None else 0)
    name = _near(around, _NAME_KEYS) or _near(rest, _NAME_KEYS)
    return JSONAnswer(start, close, code, name, _near(around, _THOUGHT_KEYS) or _near(rest, _THOUGHT_KEYS), True)


def _next_object(text: str, start: int) -> int:
    """Where another answer begins, at a brace that opens a line."""
    match = re.compile(r"^[ \t]*\{\s*[\"'\u201c]", re.MULTILINE).search(text, start + 1)
    while match is not None and _CODE_FIELD.search(text, start, match.start()) is None:
        match = re.compile(r"^[ \t]*\{\s*[\"'\u201c]", re.MULTILINE).search(text, match.end())
    return match.start() if match is not None else len(text)


def _ends(text: str, begin: int, quote: str) -> Iterator[int]:
    """Places of the closing quote, the first ones where JSON goes on behind it."""
    at, count = begin, 0
    while count < _MOST_ENDS and (at := text.find(quote, at)) >= 0:
        behind = text[at + len(quote) :]
        if _is_escape(text, at) and re.match(r"\s*([,}\]]|\Z|//|/\*|[\"'\u201c]?\w+[\"'\u201d]?\s*:)", behind):
            yield at
        count += 1
        at += len(quote)


def _is_whole(code: str) -> bool:
    if not _holds_function(code):
        return False
    try:
        parsing.parse(code)
    except LossRejected:
        return "```" in code and code.count("```") % 2 == 0
    return True


def _listed(text: str, start: int, at: int) -> JSONAnswer | None:
    """Code as a list of lines in JSON that is damaged elsewhere."""
    for end in _ends(text, at, "]"):
        try:
            lines = ast.literal_eval(text[at : end + 1])
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        code = _text(lines)
        if _holds_function(code):
            around = text[start:at]
            return JSONAnswer(start, end + 1, code or "", _near(around, _NAME_KEYS), _near(around, _THOUGHT_KEYS), True)
    return None


def _near(text: str, keys: tuple[str, ...]) -> str | None:
    """A short field of a damaged object."""
    for key in keys:
        match = re.search(
            rf"""(?is)["'`\u201c]?\b{key}["'`\u201d]?\s*:\s*(["'`\u201c])(.*?)(?<!\\)["'`\u201d]"""
            r"(?=\s*(?:[,}\n]|//|/\*))",
            text,
        )
        if match is not None and match[2].strip():
            return _decoded(match[2]).strip()
    return None


def _string_alone(text: str) -> str | None:
    stripped = text.strip()
    if not stripped.startswith('"'):
        return None
    try:
        value = json.loads(_with_latex(stripped), strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, str) and _holds_function(value) else None


_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_MEANING = {"n": "\n", "t": "    ", '"': '"', "'": "'", "\\": "\\", "/": "/", "\n": "\\\n"}


def _decoded(raw: str) -> str:
    """JSON's escapes undone; a backslash that begins none stays."""

    def meant(match: re.Match[str]) -> str:
        if _LATEX.match(raw, match.start()) and match[1] not in ("'",):
            return match[0]
        if len(match[1]) == 5:
            return chr(int(match[1][1:], 16))
        return _MEANING.get(match[1], "" if match[1] == "r" else match[0])

    return _ESCAPE.sub(meant, raw)
