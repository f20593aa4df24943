"""The static gate: a loss is one pure function over torch, made of allowed constructs, names and attributes only.

Covered: everything here is an allow-list. Syntax nodes, imports, names, attributes and keyword arguments that are not
listed are refused with their line and reason: files, processes, introspection (double underscores, getattr, frames),
randomness, in-place changes, state (global, nonlocal, decorators, default tricks), hidden failures (try), loops without
a bound (while, recursion). The text is only parsed, in bounds (parsing.py), never run.

Not covered: a loss that is allowed and still slow, large or wrong; that is measured (probe.py), in a process which can
be killed. The gate keeps mistakes and shortcuts out of campaigns. It is not the wall: the sandbox is.
"""

from __future__ import annotations

import ast

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening import allowlist, constants
from losslab_trainer.screening.locate import BETA, LOGPS
from losslab_trainer.screening.parsing import parse
from losslab_trainer.screening.scopes import Scopes

MOST_REPORTED = 20
LONGEST_RANGE = 10_000

EXPRESSIONS = (
    ast.Attribute, ast.BinOp, ast.BoolOp, ast.Call, ast.Compare, ast.Constant, ast.Dict, ast.GeneratorExp, ast.IfExp,
    ast.Lambda, ast.List, ast.ListComp, ast.Name, ast.NamedExpr, ast.Slice, ast.Subscript, ast.Tuple, ast.UnaryOp,
)  # fmt: skip
STATEMENTS = (
    ast.AnnAssign, ast.Assert, ast.Assign, ast.AugAssign, ast.Expr, ast.For, ast.FunctionDef, ast.If, ast.Import,
    ast.ImportFrom, ast.Pass, ast.Return, ast.With,
)  # fmt: skip
PARTS = (ast.Module, ast.alias, ast.arg, ast.arguments, ast.comprehension, ast.expr_context, ast.keyword, ast.operator,
         ast.boolop, ast.unaryop, ast.cmpop, ast.withitem)  # fmt: skip

WHY_NOT: dict[type[ast.AST], str] = {
    ast.While: "while: write a for loop over range(n), or vectorise",
    ast.Try: "try: a failure of the loss must stay visible",
    ast.Raise: "raise: return the loss values; use torch.where for special cases",
    ast.Global: "global: a loss keeps no state",
    ast.Nonlocal: "nonlocal: a loss keeps no state",
    ast.ClassDef: "class: a loss is a plain function",
    ast.Delete: "del: not needed in a loss",
    ast.AsyncFunctionDef: "async: a loss is a plain function",
    ast.Await: "await: a loss is a plain function",
    ast.Yield: "yield: a loss returns its values",
    ast.YieldFrom: "yield: a loss returns its values",
    ast.JoinedStr: "f-string: text is not formatted in a loss",
    ast.Starred: "star expression: write the items out",
    ast.DictComp: "dict comprehension: not needed in a loss",
    ast.SetComp: "set comprehension: not needed in a loss",
    ast.Set: "set: not needed in a loss",
    ast.Match: "match: use torch.where or if",
}


def violations(source: str) -> list[LossRejected]:
    """Every reason why the file form is refused, in the order of the text; empty when it passes."""
    try:
        tree = parse(source)
    except LossRejected as error:
        return [error]
    gate = _Gate(tree)
    gate.check()
    found = sorted(gate.found, key=lambda rejection: rejection.line or 0)
    return found[:MOST_REPORTED]


class _Gate:
    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.found: list[LossRejected] = []
        self.scopes = Scopes(tree)
        self._bases: set[int] = set()  # ids of the nodes that stand before a dot
        self._indices: set[int] = set()  # ids of the nodes that stand in square brackets

    def check(self) -> None:
        functions = [n for n in self.tree.body if isinstance(n, ast.FunctionDef)]
        losses = [n for n in functions if n.name == "loss"]
        if len(losses) != 1:
            line = losses[1].lineno if losses else None
            self.found.append(LossRejected("empty", f"{len(losses)} functions are named loss, not one", line))
        for loss in losses[:1]:
            self._signature(loss)
        for index, node in enumerate(self.tree.body):
            if not isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.Assign | ast.AnnAssign):
                docstring = index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
                if not docstring:
                    self._refuse(
                        node, f"{type(node).__name__.lower()} outside a function: only imports, constants, functions"
                    )
        for function, cycle in self.scopes.recursive():
            self._refuse(function, f"recursion ({' -> '.join(cycle)}): nothing bounds it")
        self.found += self.scopes.rebound_imports() + self.scopes.used_too_early()
        for node in self.tree.body:
            self._visit(node)

    def _refuse(self, node: ast.AST, message: str) -> None:
        self.found.append(LossRejected("forbidden", message, getattr(node, "lineno", None)))

    def _signature(self, loss: ast.FunctionDef) -> None:
        a = loss.args
        names = [p.arg for p in (*a.posonlyargs, *a.args)]
        extra = a.vararg or a.kwarg or a.kwonlyargs or a.posonlyargs
        if names != [*LOGPS, BETA] or extra:
            message = f"loss({', '.join(names)}) must be loss({', '.join(LOGPS)}, {BETA})"
            self.found.append(LossRejected("signature", message, loss.lineno))
        if not any(isinstance(node, ast.Return) and node.value is not None for node in _own_statements(loss)):
            self.found.append(LossRejected("type", "the loss returns nothing", loss.lineno))

    def _visit(self, node: ast.AST) -> None:
        if not isinstance(node, (*EXPRESSIONS, *STATEMENTS, *PARTS)):
            self._refuse(node, WHY_NOT.get(type(node), f"{type(node).__name__} is not allowed"))
            return
        handler = getattr(self, f"_on_{type(node).__name__}", None)
        if handler is not None:
            handler(node)
        for child in ast.iter_child_nodes(node):
            if not self._is_annotation(node, child):
                self._visit(child)

    # Statements

    def _on_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name not in allowlist.SUBMODULES:
                self._refuse(node, f"import {alias.name}: a loss uses torch and math")
            elif "." in alias.name and alias.asname is None and alias.name.split(".")[0] != "torch":
                self._refuse(node, f"import {alias.name}: give it a name with `as`")

    def _on_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        for alias in node.names:
            whole = f"{module}.{alias.name}"
            allowed = alias.name in allowlist.MEMBERS.get(module, ()) or whole in allowlist.SUBMODULES
            if node.level or not allowed:
                self._refuse(node, f"from {'.' * node.level}{module} import {alias.name}{_reason(alias.name)}")

    def _on_FunctionDef(self, node: ast.FunctionDef) -> None:
        for decorator in node.decorator_list:
            self._refuse(decorator, f"decorator on {node.name}: functions stay what they are written as")
        if node.args.vararg or node.args.kwarg:
            self._refuse(node, f"star parameters of {node.name}: write the parameters out")
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None and not _is_number(default):
                self._refuse(default, f"default in {node.name}: only numbers, since defaults are kept between calls")
        if node.name.startswith("__"):
            self._refuse(node, f"name {node.name}: double underscores are Python's own")
        for annotation in _annotations(node):
            self._annotation(annotation)

    def _on_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._annotation(node.annotation)
        self._target(node.target)

    def _on_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._target(target)

    def _on_AugAssign(self, node: ast.AugAssign) -> None:
        name = node.target.id if isinstance(node.target, ast.Name) else None
        if name is None:
            self._refuse(node, "in-place change of a tensor: use torch.where or a new tensor")
        elif isinstance(node.target, ast.Name) and self.scopes.is_input(node.target):
            self._refuse(node, f"{name} is changed in place: assign the result to a new name")

    def _on_For(self, node: ast.For) -> None:
        self._target(node.target)
        self._iterable(node.iter)

    def _on_comprehension(self, node: ast.comprehension) -> None:
        self._target(node.target)
        self._iterable(node.iter)

    def _on_With(self, node: ast.With) -> None:
        for item in node.items:
            if ast.unparse(item) not in ("torch.no_grad()", "no_grad()"):
                self._refuse(node, f"with {ast.unparse(item)}: only torch.no_grad()")

    def _target(self, target: ast.expr) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Attribute):
                self._refuse(node, f"assignment to .{node.attr}: a loss changes no object")
            elif isinstance(node, ast.Subscript):
                self._refuse(node, "assignment to part of a tensor: use torch.where")

    def _iterable(self, node: ast.expr) -> None:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
            bounds = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, int)]
            if any(abs(bound) > LONGEST_RANGE for bound in bounds):
                self._refuse(node, f"for over range({bounds[-1]}): at most {LONGEST_RANGE} rounds")

    # Expressions

    def _on_Subscript(self, node: ast.Subscript) -> None:
        places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        self._indices.update(id(place) for place in places)

    def _on_BinOp(self, node: ast.BinOp) -> None:
        self._constants(node, node)

    def _constants(self, node: ast.expr, calculation: ast.BinOp) -> None:
        refusal = constants.refusal(calculation)
        if refusal is not None:
            self._refuse(node, refusal)

    def _on_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bytes | complex) or (node.value is Ellipsis and id(node) not in self._indices):
            self._refuse(node, f"constant {node.value!r}: only numbers, True, False, None and option names")

    def _on_Name(self, node: ast.Name) -> None:
        if node.id.startswith("__"):
            self._refuse(node, f"name {node.id}: double underscores are Python's own")
        elif self._is_bare_module(node):
            self._refuse(node, f"module {node.id} as a value: name the function that is meant")
        elif isinstance(node.ctx, ast.Load) and not self.scopes.knows(node) and node.id not in allowlist.BUILTINS:
            self._refuse(
                node, f"name {node.id}{_reason(node.id, 'it is not defined here, and not an allowed built-in')}"
            )

    def _on_Attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            return  # reported as an assignment
        self._bases.add(id(node.value))
        path = self.scopes.dotted(node)
        if self._is_bare_module(node):
            self._refuse(node, f"module {path} as a value: name the function that is meant")
        elif path is not None:
            module, _, member = path.rpartition(".")
            if path not in allowlist.SUBMODULES and member not in allowlist.MEMBERS.get(module, ()):
                self._refuse(node, f"{path}{_reason(member)}")
        elif node.attr.startswith("__"):
            self._refuse(node, f".{node.attr}: double underscores are Python's own")
        elif node.attr not in allowlist.METHODS:
            self._refuse(node, f".{node.attr}{_reason(node.attr)}")
        elif node.attr == "append" and not (isinstance(node.value, ast.Name) and self.scopes.is_local(node.value)):
            self._refuse(node, ".append to something that is not this function's own: a loss keeps no state")

    def _is_bare_module(self, node: ast.expr) -> bool:
        return self.scopes.dotted(node) in allowlist.SUBMODULES and id(node) not in self._bases

    def _on_Call(self, node: ast.Call) -> None:
        for keyword in node.keywords:
            if keyword.arg is None:
                self._refuse(node, "** in a call: write the arguments out")
            elif keyword.arg in allowlist.KEYWORDS_REFUSED:
                self._refuse(node, f"argument {keyword.arg}=: it writes into an object or steers torch")
        if isinstance(node.func, ast.Name) and node.func.id == "pow" and len(node.args) == 2:
            self._constants(node, ast.BinOp(node.args[0], ast.Pow(), node.args[1]))
        if isinstance(node.func, ast.Attribute | ast.Name):
            path = self.scopes.dotted(node.func)
            if path is not None and path.rpartition(".")[2] in allowlist.TENSOR_TYPES:
                self._refuse(node, f"{path}(): its memory is not initialised; use torch.tensor or torch.zeros")

    def _on_Lambda(self, node: ast.Lambda) -> None:
        if node.args.defaults or node.args.kw_defaults or node.args.vararg or node.args.kwarg:
            self._refuse(node, "lambda with defaults or stars: write a function")

    # Annotations are read, not run, but Python does run them

    def _is_annotation(self, parent: ast.AST, child: ast.AST) -> bool:
        if isinstance(parent, ast.FunctionDef):
            return child is parent.returns or child in parent.decorator_list
        return isinstance(parent, ast.arg | ast.AnnAssign) and child is parent.annotation

    def _annotation(self, node: ast.expr) -> None:
        for part in ast.walk(node):
            path = self.scopes.dotted(part) if isinstance(part, ast.Name | ast.Attribute) else None
            known = path is not None and path.rpartition(".")[2] in allowlist.TENSOR_TYPES | allowlist.TYPING
            builtin = isinstance(part, ast.Name) and part.id in allowlist.ANNOTATIONS
            module = path in ("torch", "typing")
            syntax = (ast.Constant, ast.Subscript, ast.Tuple, ast.List, ast.BinOp, ast.BitOr, ast.expr_context)
            if not (known or builtin or module or isinstance(part, syntax)):
                self._refuse(
                    part if hasattr(part, "lineno") else node,
                    f"annotation {ast.unparse(node)}: only tensors and numbers",
                )
                return


def _annotations(node: ast.FunctionDef) -> list[ast.expr]:
    parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    found = [p.annotation for p in parameters if p is not None and p.annotation is not None]
    return found + ([node.returns] if node.returns is not None else [])


def _own_statements(function: ast.FunctionDef) -> list[ast.AST]:
    """All of a function except the functions inside it."""
    found, pending = list[ast.AST](), list[ast.AST](function.body)
    while pending:
        node = pending.pop()
        found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))
    return found


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, int | float | str))


def _reason(name: str, otherwise: str = "it is not on the list of allowed operations") -> str:
    if name in allowlist.REASONS:
        return f": {allowlist.REASONS[name]}"
    if name.startswith(allowlist.RANDOM) or "dropout" in name:
        return ": a loss is deterministic"
    if name.endswith("_") and not name.endswith("__") and name.rstrip("_") in allowlist.METHODS:
        return f": it changes a tensor in place; use .{name.rstrip('_')}"
    return f": {otherwise}"
