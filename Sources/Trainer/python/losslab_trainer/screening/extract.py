"""What a model wrote -> the Python text that holds its loss, without thoughts, prose, tests and baselines around it.

Of several losses the last counts, by position, JSON or fence alike. Lines that are not code become blank lines, so that
line numbers stay those of the text that was given. The text is only parsed, in bounds (parsing.py), never run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening import locate, parsing, references, reply_names
from losslab_trainer.screening.reply_echo import repeats
from losslab_trainer.screening.reply_pieces import Piece, defines, first_error, holds_function, mended, pieces
from losslab_trainer.screening.reply_text import normalised, without_quote_marks
from losslab_trainer.screening.reply_thoughts import told_thought, without_thoughts

_CUT_OFF = "the reply was cut off by the token limit before the code was complete; be briefer"


@dataclass(frozen=True)
class Reply:
    """What is known about a reply besides its text."""

    cut_off: bool = False  # the server says that the token limit ended it
    shown: tuple[str, ...] = ()  # code of the losses that the prompt showed
    prompt: str = ""


FILE = Reply()


@dataclass(frozen=True)
class Extracted:
    """Python text, and what the reply says about it."""

    code: str
    forms: list[str]  # which wrappings were taken off: json, escaped, tagged, fenced, prose, indented, signs, ...
    name: str | None = None
    thought: str | None = None
    first: str | None = None  # the function that goes on from the prompt, where the reply is a completion
    is_open: bool = False  # the text ends where the code ends, and nothing closed it
    removed: tuple[str, ...] = ()  # functions elsewhere in the reply, which are not in the code


def python_in(text: str, reply: Reply = FILE) -> Extracted:
    """The Python text of a reply or file.

    Raises LossRejected: ``empty``, ``thoughts-only``, ``cut-off``, ``no-code``, ``echoed``, and ``syntax`` when what
    looks like the loss does not parse.
    """
    if len(text) > parsing.LARGEST_SOURCE:
        raise LossRejected("forbidden", f"the text has {len(text)} characters, more than {parsing.LARGEST_SOURCE}")
    text = normalised(text)
    if not text.strip():
        raise LossRejected("empty", "the reply is empty")
    if defines(text):  # Python and nothing else, whatever its strings hold
        code, forms, _ = mended(text)
        return Extracted(code, forms, first=_continued(text, reply.prompt), is_open=True)
    answer, thought_first = without_thoughts(text)
    if not answer.strip():
        raise LossRejected("thoughts-only", "the reply holds thoughts and no answer; think less, answer with the code")
    answer = without_quote_marks(answer)
    found = pieces(answer)
    main = _main(found, reply)
    if main is None:
        raise _without_code(answer, found, reply, thought_first)
    extracted = _joined(found, main, reply)
    begins = main.line + len(main.code) - len(main.code.lstrip("\n"))
    prose = answer.split("\n")[:begins] if main.line >= 0 else []
    thought = main.thought or told_thought(text) or _prose_before(prose[:-1] if "fenced" in main.forms else prose)
    name = main.name or reply_names.announced(answer)
    first = _continued(answer, reply.prompt) if extracted.is_open else None
    return replace(extracted, name=name, thought=thought, first=first)


def _main(found: Sequence[Piece], reply: Reply) -> Piece | None:
    """The last piece with what is most surely a loss. Raises for a later one that was to be a loss and is broken."""
    with_code = [piece for piece in found if holds_function(piece.code) or piece.error is not None]
    ranked: list[tuple[int, int, Piece]] = []
    echoes = _echoes(reply)
    for number, piece in enumerate(with_code):
        if piece.error is None:
            tree = parsing.parse(piece.code)
            rank = locate.rank(tree)
            if rank is not None:
                only_echo = bool(echoes) and locate.bodies(tree) <= echoes
                ranked.append((rank + (2 if only_echo else 0), -number, piece))
    best = min(ranked, key=lambda item: item[:2], default=None)
    main = best[2] if best is not None else None
    behind = with_code[with_code.index(main) + 1 :] if main is not None else with_code
    for piece in reversed(behind):
        if piece.error is not None and (main is None or locate.looks_like_loss(piece.code)):
            if not piece.closed and (reply.cut_off or piece.line < 0):
                raise LossRejected("cut-off", _CUT_OFF)
            if main is not None or holds_function(piece.code) or re.search(r"(?m)^\s*return\b", piece.code):
                raise piece.error
    if main is not None and reply.cut_off:
        later = found[found.index(main) + 1 :]
        if any(not piece.closed and piece.line >= 0 and locate.may_become_loss(piece.code) for piece in later):
            raise LossRejected("cut-off", _CUT_OFF)
    if main is None:
        readable = [piece for piece in with_code if piece.error is None]
        return readable[-1] if readable else None
    fenced_end = main.cut if "fenced" in main.forms else ""
    if not main.closed and (main.line < 0 or locate.looks_like_loss(fenced_end)):
        raise LossRejected("cut-off", _CUT_OFF)
    return main


def _echoes(reply: Reply) -> set[str]:
    found: set[str] = set()
    for code in reply.shown:
        if first_error(code) is None:
            found |= locate.bodies(parsing.parse(code))
    return found


def _joined(found: Sequence[Piece], main: Piece, reply: Reply) -> Extracted:
    """The main piece with those before it, each at its own lines; with later ones only where names are missing."""
    forms = list(main.forms)
    if main.line < 0:
        return Extracted(main.code, forms)
    others = [piece for piece in found if piece.line >= 0 and piece.error is None and piece is not main]
    before = [piece for piece in others if piece.line < main.line]
    code = _laid_out([*before, main])
    tree = parsing.parse(code)
    missing = references.unbound(tree)
    if missing:
        whole = _laid_out(sorted([*others, main], key=lambda piece: piece.line))
        if first_error(whole) is None and not missing <= references.unbound(parsing.parse(whole)):
            return Extracted(whole, forms, is_open=not main.closed and not main.cut)
    later = [piece for piece in others if piece.line > main.line]
    removed = tuple(told for piece in later for told in _functions_of(piece))
    return Extracted(code, forms, is_open=not main.closed and not main.cut, removed=removed)


def _functions_of(piece: Piece) -> list[str]:
    """A piece's functions and classes, each by its first line."""
    definitions = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    lines = piece.code.split("\n")
    found = [node.lineno for node in parsing.parse(piece.code).body if isinstance(node, definitions)]
    return [
        f"line {piece.line + number}: `{lines[number - 1].strip()[:100]}`, elsewhere in the reply" for number in found
    ]


def _laid_out(parts: Sequence[Piece]) -> str:
    lines: list[str] = []
    for piece in parts:
        lines += [""] * (piece.line - len(lines))
        lines += piece.code.split("\n")
    return "\n".join(lines)


def _continued(text: str, prompt: str) -> str | None:
    """The function that a completion goes on with: the prompt's last, or the first of numbered versions."""
    names: list[str] = re.findall(r"(?m)^def[ \t]+(\w+)[ \t]*\(", text)
    if not names:
        return None
    asked: list[str] = re.findall(r"(?m)^def[ \t]+(\w+)[ \t]*\(", prompt)
    if asked:
        # A completion's prompt ends within the function that the text begins with.
        tail = prompt[prompt.rindex(f"def {asked[-1]}") if f"def {asked[-1]}" in prompt else 0 :]
        begins = "".join(text.split())[: len("".join(tail.split()))]
        return asked[-1] if asked[-1] in names and begins.endswith("".join(tail.split())[-20:]) else None
    numbers = [re.fullmatch(r"(\w*?)_?v?(\d+)", name) for name in names]
    if len(names) > 1 and all(n is not None for n in numbers[:2]) and text.lstrip().startswith("def "):
        one, two = numbers[0], numbers[1]
        if one is not None and two is not None and one[1] == two[1] and int(two[2]) == int(one[2]) + 1:
            return names[0]
    return None


def _prose_before(lines: list[str]) -> str | None:
    """What is said right before the code, or else at the beginning, without fences and code."""
    parts: list[list[str]] = [[]]
    for line in lines:
        if re.match(r"\s*(```|~~~|</?\w+>|(def|class|import|from|return)\b|\w+ = )", line):
            parts.append([])
        else:
            parts[-1].append(line)
    told = [text for part in parts if (text := "\n".join(part).strip())]
    return (("\n".join(parts[-1]).strip()) or told[0]) if told else None


def _without_code(answer: str, found: Sequence[Piece], reply: Reply, thought_first: bool) -> LossRejected:
    said = "\n".join(piece.code for piece in found if piece.code.strip()) or answer
    if reply.prompt and (repeats(said, reply.prompt) or repeats(answer, reply.prompt)):
        return LossRejected("echoed", "the reply repeats the prompt's own words in place of code; write the function")
    if reply.cut_off:
        return LossRejected("cut-off", _CUT_OFF)
    behind = " after its thoughts" if thought_first else ""
    return LossRejected("no-code", f"the reply holds no Python function{behind}; write the loss as one `def`")
