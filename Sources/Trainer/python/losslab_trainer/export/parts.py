"""A loss file taken apart: header, docstring, imports, helpers, the loss function. Nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening import header as headers
from losslab_trainer.screening.gate import violations
from losslab_trainer.screening.locate import BETA


@dataclass(frozen=True)
class LossParts:
    name: str
    header: Mapping[str, headers.Value]
    header_text: str  # with its fences, and a line break at the end
    docstring: str | None
    imports: tuple[str, ...]  # one statement each
    helpers: tuple[str, ...]  # constants and functions that the loss uses, in their order
    function: ast.FunctionDef
    lines: tuple[str, ...]  # of the whole file

    def text(self, first: int, last: int) -> str:
        """Lines ``first`` to ``last`` of the file, counted from 1."""
        return "\n".join(self.lines[first - 1 : last])

    @property
    def beta(self) -> float:
        return float(str(self.header.get("beta", headers.DEFAULT_BETA)))


def take_apart(source: str) -> LossParts:
    """Parts of a loss in file form. Raises LossRejected for text that the static gate refuses."""
    for refusal in violations(source):
        raise refusal
    tree = ast.parse(source)
    lines = tuple(source.split("\n"))
    fields = headers.read(source)
    function: ast.FunctionDef | None = None
    imports, helpers = [], []
    for node in tree.body:
        text = "\n".join(lines[_first_line(node, lines) - 1 : node.end_lineno])
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(ast.unparse(node))
        elif isinstance(node, ast.FunctionDef) and node.name == "loss":
            function = node
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            helpers.append(text)
    if function is None:
        raise LossRejected("empty", "no function `loss` in the text")
    return LossParts(
        name=str(fields.get("name", "loss")),
        header=fields,
        header_text=headers.write(fields) if fields else "",
        docstring=ast.get_docstring(tree),
        imports=tuple(imports),
        helpers=tuple(helpers),
        function=function,
        lines=lines,
    )


def _first_line(node: ast.stmt, lines: tuple[str, ...]) -> int:
    """The statement's first line, with the comments right above it."""
    line = node.lineno
    while line > 1 and lines[line - 2].startswith("#") and lines[line - 2].rstrip() != headers.FENCE:
        line -= 1
    return line


def body_lines(parts: LossParts) -> tuple[int, int]:
    """First and last line of the loss function's statements, its comments included, its signature not."""
    function = parts.function
    start = function.body[0].lineno
    while start - 1 > function.lineno and parts.lines[start - 2].strip().startswith("#"):
        start -= 1
    return start, function.end_lineno or function.body[-1].lineno


def rebinds_beta(function: ast.FunctionDef) -> bool:
    """Whether anything in the function gives the name beta another value, so that it cannot be written otherwise."""
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == BETA and not isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, ast.arg) and node.arg == BETA and node not in function.args.args:
            return True
    return False
