"""Where the function is in a reply, by the oracle's own simple means. Text is parsed here and never run."""

from __future__ import annotations

import ast
import json
import re
import textwrap
from dataclasses import dataclass

CHOSEN = {"chosen", "c", "w", "win", "winner", "winning", "preferred", "positive", "pos", "good", "yw", "better"}
REJECTED = {"rejected", "r", "l", "lose", "loser", "losing", "dispreferred", "negative", "neg", "bad", "yl", "worse"}
REFERENCE = {"reference", "ref", "base", "frozen", "pref"}
SHORT = {"pc": "pc", "pr": "pr", "rc": "rc", "rr": "rr", "beta": "beta", "b": "beta", "temperature": "beta"}
LONGEST = 30_000  # characters


class Unreadable(Exception):
    """Why there is no loss in the text: ``broken`` for the model's fault, ``unclear`` where the code must be read."""

    def __init__(self, verdict: str, reason: str) -> None:
        super().__init__(reason)
        self.verdict = verdict


@dataclass(frozen=True)
class Found:
    """A function that may be the loss, and all code around it."""

    code: list[str]
    name: str  # or Class.method
    roles: list[tuple[str, str]]  # parameter, and which of pc, pr, rc, rr, beta it takes


def functions(text: str, form: str, cut_off: bool) -> list[Found]:
    """Every function of the reply that takes both answers, in order. Raises Unreadable when there is none."""
    if len(text) > LONGEST:
        raise Unreadable("unclear", "a very long reply")
    if form == "completion":
        return _of([_completed(text, cut_off)], first=True)
    try:
        return _of([_json_code(text, cut_off)] if form == "discopop" else _blocks(text, cut_off))
    except Unreadable as problem:
        # Something is defined there, only not where these means look for it.
        if ("def " in text or "lambda" in text) and str(problem) in ("no code", "no JSON", "no Python"):
            raise Unreadable("unclear", str(problem)) from None
        raise


def role(parameter: str) -> str | None:
    """Which argument a parameter takes by the meaning of its name; None where the name does not say."""
    name = parameter.lower()
    if name in SHORT:
        return SHORT[name]
    words = set(re.split(r"[_\d]+", name))
    sides = [side for side, known in (("c", CHOSEN), ("r", REJECTED)) if words & known]
    if len(sides) != 1:
        return None
    return ("r" if words & REFERENCE else "p") + sides[0]


def _completed(text: str, cut_off: bool) -> str:
    """From the imports to the first statement after the function."""
    lines = text.split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("def "))
    margins = [i for i in range(start + 1, len(lines)) if re.match(r"[^\s#]", lines[i])]
    for end in [*margins, len(lines)]:
        code = "\n".join(lines[:end])
        if _parses(code):
            if cut_off and end == len(lines):
                raise Unreadable("broken", "cut off")
            return code
    raise Unreadable("broken", "cut off" if cut_off else "no Python")


def _blocks(text: str, cut_off: bool) -> list[str]:
    """What is fenced; without fences the text from its first import or definition on."""
    parts = re.split(r"(?m)^[ \t]*```[^\n]*$\n?", text)
    blocks = [part for part in parts[1::2] if part.strip()]
    is_open = len(parts) % 2 == 0
    if is_open and cut_off:
        blocks = blocks[:-1]
        if not any("def " in block for block in blocks):
            raise Unreadable("broken", "cut off")
    if not any("def " in block for block in blocks):
        bare = re.search(r"(?m)^(import |from |def |class )", text)
        if bare is None or "def " not in text:
            raise Unreadable("broken", "no code")
        if cut_off:
            raise Unreadable("broken", "cut off")
        blocks = [text[bare.start() :].replace("```", "")]
    good = [block for block in map(textwrap.dedent, blocks) if _parses(block)]
    if any("def " in block for block in good):
        return good
    for block in reversed([textwrap.dedent(block) for block in blocks if "def " in block]):
        cut = _longest(block)
        if cut is not None:
            return [*good, cut]
    raise Unreadable("broken", "no Python")


def _longest(block: str) -> str | None:
    """The longest beginning of a block that parses and ends before a line at the margin."""
    lines = block.split("\n")
    ends = [i for i, line in enumerate(lines) if line.strip() and not line[0].isspace()]
    for end in reversed(ends):
        code = "\n".join(lines[:end])
        if "def " in code and _parses(code):
            return code
    return None


def _json_code(text: str, cut_off: bool) -> str:
    start, end = text.find("{"), text.rfind("}")
    if start < 0:
        raise Unreadable("broken", "no JSON")
    if end < start:
        raise Unreadable("broken" if cut_off else "unclear", "cut off" if cut_off else "JSON without an end")
    try:
        answer = json.loads(text[start : end + 1], strict=False)
    except ValueError as error:
        if cut_off and text[start:].count("}") < text[start:].count("{"):
            raise Unreadable("broken", "cut off") from None
        raise Unreadable("unclear", f"no JSON: {error}") from None
    code = answer.get("code") if isinstance(answer, dict) else None
    if not isinstance(code, str) or "def " not in code:
        raise Unreadable("broken", "no code")
    if not _parses(code):
        raise Unreadable("broken", "no Python")
    return code


def _of(code: list[str], *, first: bool = False) -> list[Found]:
    nodes = [node for text in code for node in ast.parse(text).body]
    found: list[Found] = []
    unknown = ""
    for node in nodes:
        methods = node.body if isinstance(node, ast.ClassDef) else []
        owned = [(f"{getattr(node, 'name', '')}.{m.name}", m) for m in methods if isinstance(m, ast.FunctionDef)]
        for name, function in [(node.name, node)] if isinstance(node, ast.FunctionDef) else owned:
            if function.name.startswith(("test", "main", "__")):
                continue
            roles, missing = _roles(function)
            if missing is None and {"pc", "pr"} <= {taken for _, taken in roles}:
                found.append(Found(code, name, roles))
            elif missing is not None:
                unknown = f"parameter {missing} of {name}"
    if not found:
        raise Unreadable("unclear" if unknown else "broken", unknown or "no function of both answers")
    return found[:1] if first else found


def _roles(function: ast.FunctionDef) -> tuple[list[tuple[str, str]], str | None]:
    names = [a.arg for a in function.args.args]
    required = len(names) - len(function.args.defaults)
    roles: list[tuple[str, str]] = []
    for index, name in enumerate(names):
        if name == "self":
            continue
        taken = role(name)
        if taken is None and index >= required:
            break
        if taken is None:
            return roles, name
        roles.append((name, taken))
    taken_by = [taken for _, taken in roles]
    if len(set(taken_by)) < len(taken_by):
        return roles, "names twice"
    return roles, None


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
