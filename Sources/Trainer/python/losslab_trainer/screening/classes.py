"""A loss written as a method of a class -> the same method as a function, with what it uses of the class beside it."""

from __future__ import annotations

import ast
import textwrap

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening.locate import BETA, Located
from losslab_trainer.screening.rewrite import SourceText


def lifted(code: str, tree: ast.Module, located: Located) -> tuple[str, list[int]]:
    """The module without the class, the method in its place; and the original line of each of its lines.

    Numbers that the class or its ``__init__`` sets become module constants in capitals (so that ``tau = self.tau``
    stays sound), helper methods become functions.
    """
    owner = located.owner
    if owner is None:
        return code, list(range(1, code.count("\n") + 2))
    lift = _Lift(code, owner, located.function)
    lines, origins = _outside(code, owner)
    constants, helpers = lift.used()
    for name, value in constants.items():
        lines.append(f"{name} = {ast.unparse(value)}")
        origins.append(value.lineno)
    for method in [*helpers, located.function]:
        text, numbers = lift.text(method)
        lines += ["", "", *text.split("\n")]
        origins += [method.lineno, method.lineno, *numbers]
    return "\n".join(lines), origins


class _Lift:
    """The edits that free methods of their class."""

    def __init__(self, code: str, owner: ast.ClassDef, loss: ast.FunctionDef) -> None:
        self.source = SourceText(code)
        self.owner = owner
        self.loss = loss
        self.constants = _constants(owner)
        self.methods = {node.name: node for node in owner.body if isinstance(node, ast.FunctionDef)}
        self.local = {n.id for n in ast.walk(owner) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}

    def used(self) -> tuple[dict[str, ast.expr], list[ast.FunctionDef]]:
        """Constants by their new name, and helper methods, that the loss reaches; edits what reaches them."""
        constants: dict[str, ast.expr] = {}
        helpers: list[ast.FunctionDef] = []
        pending = [self.loss]
        while pending:
            for name in self._freed(pending.pop()):
                if name in self.constants:
                    constants[self._new_name(name)] = self.constants[name]
                elif self.methods[name] not in helpers and self.methods[name] is not self.loss:
                    helpers.append(self.methods[name])
                    pending.append(self.methods[name])
        return constants, helpers

    def text(self, method: ast.FunctionDef) -> tuple[str, list[int]]:
        start = self.source.place(method.lineno, method.col_offset)
        text, lines = self.source.rendered(self.source.text.rfind("\n", 0, start) + 1, self.source.end(method))
        return textwrap.dedent(text), lines

    def _new_name(self, name: str) -> str:
        new = name.upper() if name in self.constants else name
        return f"{new}_" if new in self.local else new

    def _freed(self, method: ast.FunctionDef) -> list[str]:
        """Edits ``self.x`` where x is a constant or a method, and gives those names."""
        static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in method.decorator_list)
        arguments = [*method.args.posonlyargs, *method.args.args]
        self_name = arguments[0].arg if arguments and not static else None
        names: list[str] = []
        for node in ast.walk(method):
            if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
                continue
            if node.value.id not in (self_name, self.owner.name):
                continue
            if node.attr == BETA and method is not self.loss:
                message = f"helper method {method.name} uses {self_name}.{BETA}: pass beta to it as an argument"
                raise LossRejected("signature", message, node.lineno)
            if node.attr != BETA and (node.attr in self.constants or node.attr in self.methods):
                self.source.replace(self.source.start(node), self.source.end(node), self._new_name(node.attr))
                names.append(node.attr)
        if method is not self.loss:
            start = self.source.place(method.lineno, method.col_offset)
            head = self.source.text.index("(", start) + 1
            self.source.replace(start, head, f"def {self._new_name(method.name)}(")
            if self_name is not None:
                following = arguments[1:2]
                end = self.source.place(following[0].lineno, following[0].col_offset) if following else None
                start = self.source.place(arguments[0].lineno, arguments[0].col_offset)
                self.source.replace(start, end or start + len(self_name), "")
        return names


def _outside(code: str, owner: ast.ClassDef) -> tuple[list[str], list[int]]:
    all_lines = code.split("\n")
    first = min([owner.lineno, *(d.lineno for d in owner.decorator_list)])
    rest = [*range(1, first), *range((owner.end_lineno or owner.lineno) + 1, len(all_lines) + 1)]
    return [all_lines[number - 1] for number in rest], rest


def _constants(owner: ast.ClassDef) -> dict[str, ast.expr]:
    """Numbers set in the class body or by ``__init__``, defaults of its parameters included."""
    found: dict[str, ast.expr] = {}
    for node in owner.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    found[target.id] = node.value
    init = next((n for n in owner.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
    if init is None:
        return found
    parameters = [*init.args.posonlyargs, *init.args.args]
    with_default = parameters[len(parameters) - len(init.args.defaults) :]
    defaults = {p.arg: value for p, value in zip(with_default, init.args.defaults, strict=True)}
    defaults |= {a.arg: d for a, d in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True) if d is not None}
    for statement in init.body:
        if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1):
            continue
        target, value = statement.targets[0], statement.value
        if isinstance(value, ast.Name) and value.id in defaults:
            value = defaults[value.id]
        if isinstance(target, ast.Attribute) and not any(isinstance(n, ast.Name) for n in ast.walk(value)):
            found[target.attr] = value
    return found
