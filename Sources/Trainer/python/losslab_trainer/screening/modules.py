"""What a loss needs from the module around it: imports, constants and helper functions, and nothing else."""

from __future__ import annotations

import ast
import typing
from collections.abc import Iterator
from dataclasses import dataclass

from losslab_trainer.screening.header import FENCE
from losslab_trainer.screening.references import global_names
from losslab_trainer.screening.rewrite import SourceText

# Names that losses use as if they were always there, and the import that brings each.
USUAL = {
    "torch": ast.parse("import torch").body[0],
    "F": ast.parse("import torch.nn.functional as F").body[0],
    "nn": ast.parse("from torch import nn").body[0],
    "math": ast.parse("import math").body[0],
    "Tensor": ast.parse("from torch import Tensor").body[0],
} | {name: ast.parse(f"from typing import {name}").body[0] for name in ("Any", "List", "Optional", "Tuple", "Union")}

Import = ast.Import | ast.ImportFrom


@dataclass(frozen=True)
class Kept:
    """The parts of a module that stay beside its loss function."""

    docstring: tuple[str, list[int | None]] | None
    imports: str
    helpers: list[tuple[str, list[int | None], bool]]  # text, original lines, whether it is a function
    trimmed: bool  # something was left out
    added_imports: bool


def kept_statements(source: SourceText, tree: ast.Module, loss: ast.FunctionDef) -> Kept:
    """Everything that the loss uses, directly or through helpers, in the order of the module."""
    bound = _bindings(tree)
    needed: set[str] = set()
    pending = list(free_names(loss))
    while pending:
        name = pending.pop()
        if name in needed:
            continue
        needed.add(name)
        for node in bound.get(name, []):
            if node is not loss and getattr(node, "name", None) != loss.name and not isinstance(node, Import):
                pending.extend(free_names(node))
    docstring: tuple[str, list[int | None]] | None = None
    helpers: list[tuple[str, list[int | None], bool]] = []
    trimmed = False
    for index, node in enumerate(tree.body):
        if node is loss or isinstance(node, Import):
            continue
        if isinstance(node, ast.FunctionDef) and node.name == loss.name:
            trimmed = True  # of two definitions the last counts
            continue
        if index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            docstring = _lines_of(source, node)
        elif any(name in needed for name in _bound_by(node)):
            text, lines = _lines_of(source, node)
            if (text, lines, isinstance(node, ast.FunctionDef)) not in helpers:  # a = 1; b = 2 on one line
                helpers.append((text, lines, isinstance(node, ast.FunctionDef)))
        else:
            trimmed = True
    imports = [node for node in tree.body if isinstance(node, Import)]
    unbound = {name for name in needed if name not in bound and name in USUAL}
    text = _import_text(imports, needed | {"Tensor"}, unbound | ({"Tensor"} - bound.keys()))
    return Kept(docstring, text, helpers, trimmed, bool(unbound - {"Tensor"}))


def missing_imports(tree: ast.Module) -> set[str]:
    """Usual names that the module uses and never imports."""
    bound = _bindings(tree)
    return {name for node in tree.body for name in free_names(node) if name in USUAL and name not in bound}


def free_names(node: ast.AST) -> set[str]:
    """Names of the module that a statement reads; a function's annotations and decorators are left out."""
    return {name.id for name in global_names(node)}


def _bindings(tree: ast.Module) -> dict[str, list[ast.stmt]]:
    bound: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        for name in _bound_by(node):
            bound.setdefault(name, []).append(node)
    return bound


def _bound_by(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, Import):
        for alias in node.names:
            yield alias.asname or alias.name.split(".")[0]
    elif isinstance(node, ast.FunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from (child.id for child in ast.walk(target) if isinstance(child, ast.Name))


def _lines_of(source: SourceText, node: ast.stmt) -> tuple[str, list[int | None]]:
    """A statement's whole lines, with the comment lines right above it."""
    lines = source.text.split("\n")
    first = node.lineno
    if isinstance(node, ast.FunctionDef) and node.decorator_list:
        first = node.decorator_list[0].lineno
    while first > 1 and lines[first - 2].startswith("#") and lines[first - 2].rstrip() != FENCE:
        first -= 1
    last = node.end_lineno or node.lineno
    return "\n".join(lines[first - 1 : last]), list(range(first, last + 1))


def _import_text(imports: list[Import], needed: set[str], missing: set[str]) -> str:
    """Import lines for the needed names: the standard library's, a blank line, torch's."""
    plain: set[str] = set()
    members: dict[str, set[str]] = {}
    for node in [*imports, *(typing.cast(Import, USUAL[name]) for name in missing)]:
        for alias in node.names:
            if (alias.asname or alias.name.split(".")[0]) not in needed:
                continue
            renamed = f" as {alias.asname}" if alias.asname else ""
            if isinstance(node, ast.Import):
                plain.add(f"import {alias.name}{renamed}")
            else:
                members.setdefault("." * node.level + (node.module or ""), set()).add(alias.name + renamed)
    members.pop("__future__", None)
    lines = sorted(plain) + [f"from {module} import {', '.join(sorted(members[module]))}" for module in sorted(members)]
    torch = [line for line in lines if line.split()[1].split(".")[0] == "torch"]
    other = [line for line in lines if line not in torch]
    return "\n".join([*other, *([""] if other and torch else []), *torch])
