"""Whether a reply only gives back what the prompt showed: one of its losses, or its own words in place of code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

_FEWEST_WORDS = 4
_SHARE = 0.6  # of a reply's runs of four words


def canonical(tree: ast.Module) -> str:
    """A module's functions and constants without docstrings, comments, annotations and the loss's own name."""
    parts = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.Assign):
            parts.append(ast.dump(_Bare().visit(ast.parse(ast.unparse(node)))))
    return "\n".join(sorted(parts))


class _Bare(ast.NodeTransformer):
    def __init__(self) -> None:
        self.depth = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        name = "_" if self.depth == 0 else node.name
        self.depth += 1
        body = [self.visit(statement) for statement in node.body if not _is_text(statement)]
        self.depth -= 1
        arguments = self.visit(node.args)
        return ast.FunctionDef(name=name, args=arguments, body=body or [ast.Pass()], decorator_list=[])

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(arg=node.arg)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def repeats(reply: str, prompt: str) -> bool:
    """Whether most of a reply without code stands in the prompt word for word."""
    said, asked = _words(reply), _words(prompt)
    if not said or not asked:
        return False
    if len(said) < _FEWEST_WORDS:
        return len(said) > 1 and " ".join(said) in " ".join(asked)
    length = _FEWEST_WORDS
    known = set(_runs(asked, length))
    runs = list(_runs(said, length))
    return sum(run in known for run in runs) >= _SHARE * len(runs)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower().replace("\\n", " "))


def _runs(words: list[str], length: int) -> Iterable[tuple[str, ...]]:
    return (tuple(words[at : at + length]) for at in range(len(words) - length + 1))
