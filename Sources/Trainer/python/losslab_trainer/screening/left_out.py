"""What reading a text left out of the loss, and what it wrote otherwise: one line each, for whoever wrote the text.

Found by comparing the text with the file form that came of it, line by line through the file form's origins, so that a
rewriting need not say what it does. Left out of the comparison: comments, docstrings, imports and the signature, which
the file form has in its own way; defaults in signatures are looked at one by one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening.locate import BETA, LOGPS
from losslab_trainer.screening.parsing import parse

MOST, LONGEST = 20, 120  # entries, characters of one
Origins = Sequence[int | None]


def removed(given: ast.Module, source: str, origins: Origins, loss: ast.FunctionDef | None) -> list[str]:
    """Statements and defaults of the given text that are not in the file form ``source``."""
    kept = {origin for origin in origins if origin is not None}
    bound = _constants(source)
    found: list[tuple[int, str]] = []
    for node in given.body:
        found += _of_statement(node, kept, bound, loss)
    return _listed(found)


def rewritten(
    text: str, given: ast.Module, source: str, origins: Origins, loss: ast.FunctionDef | None, *, signature: str
) -> list[str]:
    """Lines of the given ``text`` that stand in the file form in other words."""
    lines = text.split("\n")
    ours = signature.split("\n")
    heads = {n for head in (*_inits(given), *([loss] if loss is not None else [])) for n in _head(head)}
    now: dict[int, list[str]] = {}
    for line, origin in zip(source.split("\n"), origins, strict=False):
        if origin is not None and line not in ours and origin not in heads and 1 <= origin <= len(lines):
            now.setdefault(origin, []).append(line.strip())
    found: list[tuple[int, str]] = []
    for number, texts in sorted(now.items()):
        was = lines[number - 1].strip()
        if was and texts[-1] and not was.startswith("#") and not any(was in line for line in texts):
            found.append((number, f"`{_short(was)}` is read as `{_short(texts[-1])}`"))
    return _listed(found)


def function_at(given: ast.Module, name: str, line: int | None) -> ast.FunctionDef | None:
    """The function of that name that begins at a line of the given text."""
    functions = (node for node in ast.walk(given) if isinstance(node, ast.FunctionDef))
    return next((node for node in functions if node.name == name and node.lineno == line), None)


def _of_statement(
    node: ast.stmt, kept: set[int], bound: set[str], loss: ast.FunctionDef | None
) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node):
        return
    is_init = isinstance(node, ast.FunctionDef) and node.name == "__init__"
    inner = [*_blocks(node)]
    stays = any(line in kept for line in range(node.lineno, (node.end_lineno or node.lineno) + 1))
    if isinstance(node, ast.ClassDef) and stays:
        yield from (item for child in node.body for item in _of_statement(child, kept, bound, loss))
    elif is_init and isinstance(node, ast.FunctionDef):
        yield from _defaults(node, bound)
        yield from (item for child in node.body if not _is_set_up(child, bound) for item in _whole(child))
    elif node is loss:
        yield from _defaults(loss, {n.id for n in ast.walk(loss) if isinstance(n, ast.Name)} - {BETA})
        yield from (item for child in inner for item in _of_statement(child, kept, bound, loss))
    elif not stays:
        yield from _whole(node)
    else:
        yield from (item for child in inner for item in _of_statement(child, kept, bound, loss))


def _inits(given: ast.Module) -> list[ast.FunctionDef]:
    return [n for n in ast.walk(given) if isinstance(n, ast.FunctionDef) and n.name == "__init__"]


def _head(function: ast.FunctionDef) -> range:
    return range(function.lineno, max(function.body[0].lineno, function.lineno + 1))


def _whole(node: ast.stmt) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Pass) or _is_text(node):
        return
    text, *more = ast.unparse(node).split("\n")
    rest = (node.end_lineno or node.lineno) - node.lineno
    behind = f" and {rest} more {'line' if rest == 1 else 'lines'}" if more and rest else ""
    yield node.lineno, f"`{_short(text)}`{behind}"


def _defaults(function: ast.FunctionDef, used: set[str]) -> Iterator[tuple[int, str]]:
    """Defaults that are no constant of the file form; a training sets beta itself."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    with_default: Mapping[ast.arg, ast.expr | None] = dict(
        [
            *zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True),
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ]
    )
    for argument, value in with_default.items():
        is_none = isinstance(value, ast.Constant) and value.value is None
        if value is None or is_none or argument.arg in LOGPS or {argument.arg, argument.arg.upper()} & used:
            continue
        yield argument.lineno, f"the default `{_short(f'{argument.arg}={ast.unparse(value)}')}`"


def _is_set_up(node: ast.stmt, bound: set[str]) -> bool:
    """``super().__init__()``, ``self.beta = beta``, and what has become a constant of the file form."""
    if isinstance(node, ast.Expr) and ast.unparse(node).startswith("super("):
        return True
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    names = [target.attr for target in targets if isinstance(target, ast.Attribute)]
    return bool(names) and all(name == BETA or {name.upper(), f"{name.upper()}_"} & bound for name in names)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _blocks(node: ast.stmt) -> Iterator[ast.stmt]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield from (child for child in block if isinstance(child, ast.stmt))


def _constants(source: str) -> set[str]:
    """Names that the file form's module binds, but for imports."""
    try:
        body = parse(source).body
    except LossRejected:  # a form that the gate will refuse
        return set()
    targets = [t for node in body if isinstance(node, ast.Assign) for t in node.targets]
    targets += [node.target for node in body if isinstance(node, ast.AnnAssign)]
    return {t.id for t in targets if isinstance(t, ast.Name)} | {n.name for n in body if isinstance(n, ast.FunctionDef)}


def _short(text: str) -> str:
    text = " ".join(text.split()).replace("`", "'")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _listed(found: Sequence[tuple[int, str]]) -> list[str]:
    lines = [f"line {line}: {text}" for line, text in sorted(found)]
    return lines if len(lines) <= MOST else [*lines[:MOST], f"{len(lines) - MOST} more"]
