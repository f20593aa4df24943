"""Edits of source text by place, so that everything not edited (comments, layout) stays as its author wrote it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field


@dataclass
class SourceText:
    """Source text with replacements pending. Places are characters from its start."""

    text: str
    _starts: list[int] = field(default_factory=list)
    _edits: list[tuple[int, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        position = 0
        for line in self.text.split("\n"):
            self._starts.append(position)
            position += len(line) + 1

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self.place(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        return self.place(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)

    def place(self, line: int, column: int) -> int:
        """From ast's place: lines from 1, columns in UTF-8 bytes."""
        first = self._starts[line - 1]
        last = self._starts[line] - 1 if line < len(self._starts) else len(self.text)
        return first + len(self.text[first:last].encode()[:column].decode("utf-8", "ignore"))

    def slice(self, node: ast.expr | ast.stmt) -> str:
        return self.text[self.start(node) : self.end(node)]

    def replace(self, start: int, end: int, replacement: str) -> None:
        self._edits.append((start, end, replacement))

    def rendered(self, start: int, end: int) -> tuple[str, list[int]]:
        """The text between two places with its edits applied, and the original line of each of its lines."""
        edits = sorted(edit for edit in self._edits if start <= edit[0] and edit[1] <= end)
        pieces: list[tuple[str, int]] = []
        position = start
        for first, last, replacement in edits:
            if first < position:
                continue  # inside what an earlier edit has replaced
            pieces += [(self.text[position:first], position), (replacement, first)]
            position = last
        pieces.append((self.text[position:end], position))
        lines: list[int] = [self._line(start)]
        begins = True  # a line: what stood before it may have been taken out
        for text, origin in pieces:
            if not text:
                continue
            if begins:
                lines[-1] = self._line(origin)
            begins = text.endswith("\n")
            copied = self.text[origin : origin + len(text)] == text
            for offset, character in enumerate(text):
                if character == "\n":
                    lines.append(self._line(origin + offset + 1 if copied else origin))
        return "".join(text for text, _ in pieces), lines

    def _line(self, place: int) -> int:
        low, high = 0, len(self._starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._starts[middle] <= place else (low, middle)
        return low + 1


def body_start(source: SourceText, function: ast.FunctionDef) -> int:
    """Just behind the colon that ends the function's signature."""
    place = source.place(function.lineno, function.col_offset)
    depth = 0
    quote = ""
    text = source.text
    while place < len(text):
        character = text[place]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "#":
            place = text.find("\n", place)
            continue
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == ":" and depth == 0:
            return place + 1
        place += 1
    raise ValueError("a function without a colon")


def returned(function: ast.FunctionDef) -> list[ast.Return]:
    """The function's own return statements, without those of functions within it."""
    found: list[ast.Return] = []
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Return):
            found.append(node)
        elif not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))
    return found


def concatenated_halves(function: ast.FunctionDef) -> ast.Call | None:
    """The ``torch.cat((a, b), 0)`` whose value is the function's result: KTO's published form, 2B values long.

    None where the function also takes halves apart (chunk, split, slices), since its result may then be (B,) already.
    """
    returns = returned(function)
    if len(returns) != 1:
        return None
    for node in ast.walk(function):
        if isinstance(node, ast.Slice) or (isinstance(node, ast.Attribute) and node.attr in _TAKE_APART):
            return None
    value = returns[0].value
    if isinstance(value, ast.Name):
        assigned = [
            node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == value.id for target in node.targets)
        ]
        value = assigned[0] if len(assigned) == 1 else None
    if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute | ast.Name) and value.args):
        return None
    name = value.func.attr if isinstance(value.func, ast.Attribute) else value.func.id
    halves, rest = value.args[0], [*value.args[1:], *(keyword.value for keyword in value.keywords)]
    is_pair = isinstance(halves, ast.Tuple | ast.List) and len(halves.elts) == 2
    along_first = all(isinstance(argument, ast.Constant) and argument.value == 0 for argument in rest)
    return value if name in ("cat", "concat", "concatenate") and is_pair and along_first else None


_TAKE_APART = frozenset({"chunk", "split", "tensor_split", "narrow", "unbind", "index_select"})


def composed(later: list[int], earlier: list[int]) -> list[int]:
    """The lines of two rewritings one after the other: for each line of the last text that of the first."""
    return [earlier[line - 1] if 1 <= line <= len(earlier) else earlier[-1] for line in later]
