"""What names mean in a loss file, resolved as Python does: by the function, lambda or comprehension that binds them.

A name that a function assigns is that function's own in all of it, whatever the name means outside. A comprehension's
variables stay inside it, except those of ``:=``. Its first iterable is read outside, and so are a function's defaults
and annotations.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening.locate import LOGPS

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Place = tuple[int, int]  # line and column


@dataclass
class Binding:
    """What binds one name in one scope."""

    imports: list[tuple[str, int]] = field(default_factory=list)  # dotted path, line
    functions: list[ast.AST] = field(default_factory=list)
    copies: list[ast.Name] = field(default_factory=list)  # names it is assigned from, as in x = y
    others: list[int] = field(default_factory=list)  # lines of every other assignment, parameter, loop variable
    assigned: list[tuple[Place, bool, bool]] = field(default_factory=list)  # where; of an input; on every path
    since: Place = (1 << 30, 0)  # from where on it has a value: (0, 0) for a parameter

    def has_value(self, place: Place) -> None:
        self.since = min(self.since, place)


@dataclass
class Scope:
    """A module, function, lambda or comprehension and the names that it binds."""

    node: ast.AST
    parent: Scope | None
    names: dict[str, Binding] = field(default_factory=dict)

    def bind(self, name: str) -> Binding:
        return self.names.setdefault(name, Binding())

    def find(self, name: str) -> tuple[Scope, Binding] | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope, scope.names[name]
            scope = scope.parent
        return None


class Scopes:
    """The scopes of a module, and the questions that the gate asks of them."""

    def __init__(self, tree: ast.Module) -> None:
        self._module = Scope(tree, None)
        self._scope_of: dict[int, Scope] = {}  # id of a Name node -> where it stands
        self._loads: list[ast.Name] = []
        self.all = [self._module]
        self._block(tree.body, self._module, always=True)

    def knows(self, name: ast.Name) -> bool:
        return self._found(name) is not None

    def is_local(self, name: ast.Name) -> bool:
        """Bound in a function, not in the module."""
        found = self._found(name)
        return found is not None and found[0] is not self._module

    def dotted(self, node: ast.AST) -> str | None:
        """The dotted path of a name or attribute that starts at an import; ``None`` for anything else."""
        if isinstance(node, ast.Name):
            found = self._found(node)
            return found[1].imports[-1][0] if found is not None and found[1].imports else None
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            # A path is followed only through modules: torch.pi.real is an attribute of a number.
            return f"{base}.{node.attr}" if base is not None and base in _MODULE_PATHS else None
        return None

    def is_input(self, target: ast.Name) -> bool:
        """Whether the name may, where it stands, be one of the loss's own arguments and not a result of its own."""
        found = self._found(target)
        if found is None:
            return False
        scope, binding = found
        is_loss = isinstance(scope.node, ast.FunctionDef) and scope.node.name == "loss" and scope.parent is self._module
        of_input = is_loss and target.id in LOGPS
        for place, is_copy, always in sorted(binding.assigned):
            if place <= _start(target):
                of_input = is_copy or (of_input and not always)
        return of_input

    def recursive(self) -> list[tuple[ast.Name, list[str]]]:
        """The first function that can reach itself by name: the name that leads back, and the functions on the way."""
        bound = [(name, f) for scope in self.all for name, b in scope.names.items() for f in b.functions]
        names = {id(function): name for name, function in bound}
        uses = {
            id(function): [
                (part, id(used))
                for part in ast.walk(function)
                if isinstance(part, ast.Name)
                for used in self._functions_of(part)
            ]
            for _, function in bound
        }
        for start, used_there in uses.items():
            for name, used in used_there:
                reached, pending = set[int](), [used]
                while pending:
                    other = pending.pop()
                    if other not in reached:
                        reached.add(other)
                        pending.extend(key for _, key in uses[other])
                if start in reached:
                    others = sorted(names[key] for key in reached - {start})
                    return [(name, [names[start], *others, names[start]][:4])]
        return []

    def rebound_imports(self) -> list[LossRejected]:
        """Imported names that the same scope also assigns: what they mean would depend on the place."""
        found = []
        for scope in self.all:
            for name, binding in scope.names.items():
                if not binding.imports:
                    continue
                others = binding.others + [f.lineno for f in binding.functions if isinstance(f, ast.expr | ast.stmt)]
                if others:
                    found.append(
                        LossRejected("forbidden", f"{name} is imported and assigned: use another name", min(others))
                    )
                elif len({path for path, _ in binding.imports}) > 1:
                    line = binding.imports[-1][1]
                    found.append(LossRejected("forbidden", f"{name} is imported as two things: use two names", line))
        return found

    def used_too_early(self) -> list[LossRejected]:
        """Names read before their function assigns them although they mean something outside: F = F.relu(x)."""
        found = []
        for name in self._loads:
            scope = self._scope_of[id(name)]
            binding = scope.names.get(name.id)
            if scope is self._module or binding is None or _start(name) >= binding.since:
                continue
            outer = scope.parent.find(name.id) if scope.parent is not None else None
            if outer is not None and (outer[1].imports or outer[1].functions):
                what = "the import" if outer[1].imports else "the function"
                message = f"{name.id} is assigned in this function, so it is not {what} {name.id}: use another name"
                found.append(LossRejected("forbidden", message, name.lineno))
        return found[:1]

    def _found(self, name: ast.Name) -> tuple[Scope, Binding] | None:
        scope = self._scope_of.get(id(name))
        return scope.find(name.id) if scope is not None else None

    def _functions_of(self, name: ast.Name, depth: int = 8) -> list[ast.AST]:
        found = self._found(name)
        if found is None:
            return []
        copied = [f for copy in found[1].copies for f in (self._functions_of(copy, depth - 1) if depth else [])]
        return found[1].functions + copied

    # Reading the tree

    def _block(self, body: list[ast.stmt], scope: Scope, *, always: bool) -> None:
        for statement in body:
            self._visit(statement, scope, always=always)

    def _visit(self, node: ast.AST, scope: Scope, *, always: bool = False) -> None:
        """``always``: the statement stands in its function's own block, not in a branch or loop."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node, scope)
        elif isinstance(node, FUNCTIONS):
            self._function(node, scope)
        elif isinstance(node, COMPREHENSIONS):
            self._comprehension(node, scope)
        elif isinstance(node, ast.NamedExpr):
            self._visit(node.value, scope)
            while isinstance(scope.node, COMPREHENSIONS) and scope.parent is not None:
                scope = scope.parent
            self._assigned(node.target, node.value, scope, always=False)
            self._visit(node.target, scope)
            scope.bind(node.target.id).has_value(_end(node))
        else:
            if isinstance(node, ast.Name):
                self._name(node, scope)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    self._assigned(target, node.value, scope, always=always)
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                self._assigned(node.target, node.value, scope, always=always)
            if isinstance(node, ast.stmt):
                self._bind_from(node, scope)
            for child in ast.iter_child_nodes(node):
                self._visit(child, scope)

    def _name(self, node: ast.Name, scope: Scope) -> None:
        self._scope_of[id(node)] = scope
        if isinstance(node.ctx, ast.Load):
            self._loads.append(node)
        else:
            scope.bind(node.id).others.append(node.lineno)

    def _bind_from(self, node: ast.stmt, scope: Scope) -> None:
        """From where on the names that a statement assigns have a value: its end, or its header's for a block."""
        if isinstance(node, ast.Assign):
            targets, at = node.targets, _end(node)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            targets, at = [node.target], _end(node)
        elif isinstance(node, ast.For):
            targets, at = [node.target], _end(node.iter)
        elif isinstance(node, ast.With):
            targets, at = [item.optional_vars for item in node.items if item.optional_vars], _start(node)
        else:
            return
        for part in (part for target in targets for part in ast.walk(target)):
            if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
                scope.bind(part.id).has_value(at)

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                name, path = alias.asname or alias.name, f"{node.module}.{alias.name}"
            elif alias.asname:
                name, path = alias.asname, alias.name
            else:
                name = path = alias.name.split(".")[0]
            binding = scope.bind(name)
            binding.imports.append((path, node.lineno))
            binding.has_value(_start(node))

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: Scope) -> None:
        inner = self._inner(node, scope)
        arguments = node.args
        outside: list[ast.AST | None] = [*arguments.defaults, *arguments.kw_defaults]
        for parameter in ast.walk(arguments):
            if isinstance(parameter, ast.arg):
                binding = inner.bind(parameter.arg)
                binding.others.append(parameter.lineno)
                binding.has_value((0, 0))
                outside.append(parameter.annotation)
        if not isinstance(node, ast.Lambda):
            outside += [*node.decorator_list, node.returns]
            binding = scope.bind(node.name)
            binding.functions.append(node)
            binding.has_value(_start(node))
        for part in outside:
            if part is not None:
                self._visit(part, scope)
        if isinstance(node, ast.Lambda):
            self._visit(node.body, inner)
        else:
            self._block(node.body, inner, always=True)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, scope: Scope) -> None:
        inner = self._inner(node, scope)
        for index, generator in enumerate(node.generators):
            self._visit(generator.iter, inner if index else scope)
            for part in (generator.target, *generator.ifs):
                self._visit(part, inner)
        for part in [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]:
            self._visit(part, inner)
        for binding in inner.names.values():
            binding.has_value((0, 0))  # the element stands before what binds it

    def _inner(self, node: ast.AST, scope: Scope) -> Scope:
        self.all.append(Scope(node, scope))
        return self.all[-1]

    def _assigned(self, target: ast.expr, value: ast.expr, scope: Scope, *, always: bool) -> None:
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
            pairs = list(zip(target.elts, value.elts, strict=False))
        for bound, given in pairs:
            if not isinstance(bound, ast.Name):
                continue
            binding = scope.bind(bound.id)
            if isinstance(given, ast.Lambda):
                binding.functions.append(given)
            elif isinstance(given, ast.Name):
                binding.copies.append(given)
            self._scope_of.setdefault(id(given), scope)
            of_input = isinstance(given, ast.Name) and self.is_input(given)
            binding.assigned.append((_end(value), of_input, always))


def _start(node: ast.expr | ast.stmt) -> Place:
    return node.lineno, node.col_offset


def _end(node: ast.expr | ast.stmt) -> Place:
    return node.end_lineno or node.lineno, node.end_col_offset or node.col_offset


_MODULE_PATHS = frozenset({"torch", "torch.nn", "torch.nn.functional", "torch.special", "math", "typing"})
