"""The pieces of a reply that can hold code, in order: JSON answers, tagged parts, fenced blocks, code at the margin."""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening import parsing, reply_json
from losslab_trainer.screening.reply_text import with_plain_signs, with_whole_escapes, without_magics, without_prompts

_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[ \t]*([\w+#.-]*)[^\n]*$")
_CODE_START = re.compile(
    r"(import [\w.]+( as \w+)?(, *[\w.]+)*|from [\w.]+ import .+|(async )?def \w+ *\(.*|class \w+.*:|@\w.*"
    r"|\w+ *= *lambda\b.*)$"
)
_FUNCTION = re.compile(r"^[ \t]*(async[ \t]+)?(def|class)[ \t]+\w+", re.MULTILINE)
_TAGGED = re.compile(r"(?is)<(code|python|loss|answer|solution)>(.*?)(</\1>|\Z)")
MOST_CUTS = 40


@dataclass(frozen=True)
class Piece:
    """Code and where it stands."""

    line: int  # of its first line in the text, from 0; -1 where the text has it in another form (JSON)
    code: str  # as many lines as it has in the text
    closed: bool  # a fence, tag or quote ended it
    forms: tuple[str, ...]
    error: LossRejected | None = None  # why it does not parse; its line is the text's
    name: str | None = None
    thought: str | None = None
    cut: str = ""  # an unfinished last function that was left out of ``code``


def pieces(text: str) -> list[Piece]:
    """All of them. Code that does not parse stays, with its error."""
    found: list[tuple[int, Piece]] = []
    rest = text
    for answer in reply_json.answers(text):
        code, forms = _unwrapped(answer.code)
        code, more, error = mended(code)
        piece = Piece(-1, code, answer.closed, ("json", *forms, *more), error, answer.name, answer.thought)
        if text[: answer.start].rstrip().endswith(("```", "```json", "```JSON")):
            piece = _with_form(piece, "fenced")
        found.append((text.count("\n", 0, answer.start), piece))
        rest = _blanked(rest, answer.start, answer.end)
    for match in _TAGGED.finditer(rest):
        if "```" in match[2] or "~~~" in match[2] or not _FUNCTION.search(match[2]):
            continue
        code, forms, error = mended(reply_json.unescaped(match[2]))
        line = rest.count("\n", 0, match.start(2))
        found.append((line, Piece(line, code, bool(match[3]), ("tagged", *forms), _moved(error, line))))
        rest = _blanked(rest, match.start(), match.end())
    lines = rest.split("\n")
    fenced = _fenced(lines)
    for start, end, closed in fenced:
        code, forms, error = mended("\n".join(lines[start:end]))
        cut = ""
        if error is not None and not closed:
            code, error, cut = _without_unfinished(code, error)
        if code.strip() or not closed:
            found.append((start, Piece(start, code, closed, ("fenced", *forms), _moved(error, start), cut=cut)))
    for start, end, _ in fenced:
        lines[max(start - 1, 0) : end + 1] = [""] * (min(end + 1, len(lines)) - max(start - 1, 0))
    bare = _bare("\n".join("" if _FENCE.match(line) else line for line in lines))
    if bare is not None:
        found.append((bare.line, bare))
    return [piece for _, piece in sorted(found, key=lambda item: item[0])]


def mended(code: str) -> tuple[str, list[str], LossRejected | None]:
    """The code so that it parses, how that was reached, and the error where it does not. Lines stay where they are."""
    first = first_error(code)
    if first is None and not defines(code) and defines(_unquoted(code)):
        return _unquoted(code), ["quoted"], None
    if first is None or first.code != "syntax":
        return code, [], first
    for form, mend in (
        ("indented", _dedented),
        ("signs", with_plain_signs),
        ("escapes", with_whole_escapes),
        ("prompts", without_prompts),
        ("magics", without_magics),
        ("quoted", _unquoted),
    ):
        for other in (mend(code), mend(_dedented(code))):
            if other != code and first_error(other) is None:
                return other, [form], None
    together = without_prompts(with_whole_escapes(with_plain_signs(_dedented(code))))
    if first_error(together) is None:
        return together, ["signs"], None
    return code, [], first


def first_error(code: str) -> LossRejected | None:
    try:
        parsing.parse(code)
    except LossRejected as error:
        return error
    return None


def defines(code: str) -> bool:
    """Whether code parses and defines a function, a class or a lambda with a name."""
    if first_error(code) is not None:
        return False
    return any(
        isinstance(node, ast.FunctionDef | ast.ClassDef)
        or (isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda))
        for node in parsing.parse(code).body
    )


def holds_function(code: str) -> bool:
    """Whether something in the text looks like a function, whether or not it parses."""
    return _FUNCTION.search(code) is not None or re.search(r"=\s*lambda\b", code) is not None


def _with_form(piece: Piece, form: str) -> Piece:
    return Piece(piece.line, piece.code, piece.closed, (*piece.forms, form), piece.error, piece.name, piece.thought)


def _moved(error: LossRejected | None, lines: int) -> LossRejected | None:
    if error is None or error.line is None:
        return error
    return LossRejected(error.code, error.message, error.line + lines, error.details)


def _blanked(text: str, start: int, end: int) -> str:
    """With spaces for the characters, so that every other place stays what it was."""
    return text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]


def _unwrapped(code: str) -> tuple[str, list[str]]:
    """Fences within a JSON string, and line breaks escaped twice."""
    forms: list[str] = []
    plain = reply_json.unescaped(code.replace("\r\n", "\n").replace("\r", "\n"))
    lines = plain.split("\n")
    blocks = [block for block in _fenced(lines) if _FUNCTION.search("\n".join(lines[block[0] : block[1]]))]
    if blocks:
        forms.append("fenced")
        plain = "\n\n".join("\n".join(lines[start:end]) for start, end, _ in blocks)
    return plain, forms


def _dedented(code: str) -> str:
    plain = textwrap.dedent(code)
    if plain != code and first_error(plain) is None:
        return plain
    lines = code.split("\n")  # a first line at the margin, the rest indented as in a list
    filled = [line for line in lines if line.strip()]
    if not filled:
        return code
    # A body that is indented less than its first line is the code's own fault: only whole margins are taken off.
    margin = len(filled[0]) - len(filled[0].lstrip())
    return "\n".join(line[min(margin, len(line) - len(line.lstrip())) :] for line in lines)


def _unquoted(code: str) -> str:
    """Code that stands in quotes as a whole."""
    stripped = code.strip()
    for quote in ('"""', "'''", "`", '"', "'"):
        if stripped.startswith(quote) and stripped.endswith(quote) and len(stripped) > 2 * len(quote):
            return reply_json.unescaped(code.replace(quote, "", 1)[::-1].replace(quote, "", 1)[::-1])
    return code


def _fenced(lines: list[str]) -> list[tuple[int, int, bool]]:
    """Line ranges [start, end) inside fences, and whether a fence ends them.

    A fence inside a docstring ends nothing; one that stands alone behind code at the margin ends that code.
    """
    blocks: list[tuple[int, int, bool]] = []
    opened: tuple[str, int] | None = None
    last = 0
    for number, line in enumerate(lines):
        match = _FENCE.match(line)
        if match is None:
            if opened is not None and re.search(r"\S```\s*$", line) and "'''" not in line and '"""' not in line:
                lines[number] = line.rstrip().removesuffix("```")
                blocks.append((opened[1], number + 1, True))
                opened, last = None, number + 1
            continue
        if opened is None:
            behind = _code_behind(lines, last, number) if not match[2] else None
            if behind is not None:
                blocks.append((behind, number, True))
                last = number + 1
            else:
                opened = (match[1], number + 1)
        elif _in_docstring(lines, opened[1], number):
            continue
        elif match[1].startswith(opened[0]) and not match[2]:
            blocks.append((opened[1], number, True))
            opened, last = None, number + 1
        elif match[2] and first_error(textwrap.dedent("\n".join(lines[opened[1] : number]))) is None:
            blocks.append((opened[1], number, True))  # the closing fence was forgotten, the next one opens
            opened, last = (match[1], number + 1), number + 1
    if opened is not None:
        blocks.append((opened[1], len(lines), False))
    return [block for block in blocks if not block[2] or any(line.strip() for line in lines[block[0] : block[1]])]


def _code_behind(lines: list[str], first: int, fence: int) -> int | None:
    """Where code begins that ends at this fence although no fence opened it."""
    starts = [i for i in range(first, fence) if _CODE_START.match(lines[i])]
    if not starts or not _FUNCTION.search("\n".join(lines[starts[0] : fence])):
        return None
    return starts[0] if first_error("\n".join(lines[starts[0] : fence])) is None else None


def _in_docstring(lines: list[str], start: int, fence: int) -> bool:
    """Whether a triple-quoted string is open at this line, and does end before the next fence that could close."""
    if not _open_string("\n".join(lines[start:fence])):
        return False
    for number in range(fence + 1, len(lines)):
        match = _FENCE.match(lines[number])
        if match is not None and not match[2] and not _open_string("\n".join(lines[start:number])):
            return True
    return not any(_FENCE.match(line) for line in lines[fence + 1 :]) and not _open_string("\n".join(lines[start:]))


def _open_string(code: str) -> bool:
    quote: str | None = None
    for match in re.finditer(r"\\.|\"\"\"|'''|#[^\n]*|\"[^\"\n]*\"|'[^'\n]*'", code, re.DOTALL):
        if quote is None and match[0] in ('"""', "'''"):
            quote = match[0]
        elif quote is not None and match[0] == quote:
            quote = None
    if quote is None:
        return False
    # Comments and short strings hide nothing inside an open string, but the pattern above may have swallowed its end.
    return code.count(quote) % 2 == 1


def _without_unfinished(code: str, error: LossRejected) -> tuple[str, LossRejected | None, str]:
    """Code whose last part at the margin was cut off, without that part; and the part."""
    lines = code.split("\n")
    starts = [i for i, line in enumerate(lines) if line and not line[0].isspace() and line[0] not in ")]}#"]
    if not starts or (error.line or len(lines)) - 1 < starts[-1]:
        return code, error, ""
    whole = "\n".join(lines[: starts[-1]])
    if not holds_function(whole) or first_error(whole) is not None:
        return code, error, ""
    return whole, None, "\n".join(lines[starts[-1] :])


def _bare(text: str) -> Piece | None:
    """Code at the margin, with or without prose around it; None where there is none."""
    if not text.strip():
        return None
    if "\n" not in text.strip() and "\\n" in text and first_error(text) is not None:
        code, forms, error = mended(reply_json.unescaped(text))
        return Piece(0, code, False, ("escaped", *forms), error) if holds_function(code) else None
    code, forms, error = mended(text)
    if error is None or error.code != "syntax":
        return Piece(0, code, False, tuple(forms), error) if holds_function(code) or error is not None else None
    code = _dedented(text)
    without, error, cut = _without_prose(code)
    if error is not None:  # signs of typography in the code, which prose may keep
        plain = _without_prose(with_plain_signs(code))
        if plain[1] is None:
            without, error, cut = plain
    if error is not None and not holds_function(code) and not re.search(r"(?m)^\s*(return|import)\b", code):
        return None
    if error is None and not holds_function(without) and not cut:
        return None
    return Piece(0, without, False, ("prose",), error, cut=cut)


def _without_prose(text: str) -> tuple[str, LossRejected | None, str]:
    """Python from text that does not parse as it is, with prose at the margin or an unfinished end."""
    lines = text.split("\n")
    starts = [i for i, line in enumerate(lines) if _CODE_START.match(line)]
    if not starts:
        return text, first_error(text), ""
    lines[: starts[0]] = [""] * starts[0]
    cut = ""
    for _ in range(MOST_CUTS):
        code = "\n".join(lines)
        error = first_error(code)
        if error is None:
            return code, None, cut
        at = min((error.line or 1) - 1, len(lines) - 1)
        at = _margin_of(lines, at)
        # Prose stands at the margin. An error inside an indented body is the code's own.
        if at <= starts[0] or not lines[at] or lines[at][0].isspace() or _CODE_START.match(lines[at]):
            shorter, remaining, cut = _without_unfinished(code, error)
            return (shorter, None, cut) if remaining is None else (code, error, "")
        following = [i for i in starts if i > at]
        resume = following[0] if following else len(lines)
        if not following:
            cut = "\n".join(lines[at:])  # whatever it is, the code before it is whole
        lines[at:resume] = [""] * (resume - at)
    return text, first_error(text), ""


def _margin_of(lines: list[str], at: int) -> int:
    """The line of prose at the margin that an error belongs to: an apostrophe or bracket in it is seen later on."""
    for number in range(at, -1, -1):
        line = lines[number]
        if line and not line[0].isspace():
            return number if not _CODE_START.match(line) else at
    return at
