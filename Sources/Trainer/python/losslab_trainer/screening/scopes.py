"""What names mean in a loss file: which are bound where, which stand for torch modules, which functions recurse."""

from __future__ import annotations

import ast

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening.locate import LOGPS


class Scopes:
    """Bindings of a module, its functions and lambdas. Coarse where that is safe: a name bound in a function counts
    as bound in all of it."""

    def __init__(self, tree: ast.Module) -> None:
        self.imports: dict[str, str] = {}  # local name -> dotted path
        self._bound_at: dict[int, set[str]] = {}  # id of a scope's node -> names
        self._scope_of: dict[int, tuple[ast.AST, ...]] = {}  # id of a Name node -> its scopes, inner last
        self._functions: dict[str, list[ast.AST]] = {}
        self._rebound: list[tuple[str, int]] = []
        self.aliases_of_inputs: set[str] = set()
        self._collect(tree, (tree,))
        self._find_rebound(tree)

    def knows(self, name: ast.Name) -> bool:
        return any(name.id in self._bound_at[id(scope)] for scope in self._scope_of.get(id(name), ()))

    def is_local(self, name: ast.Name) -> bool:
        """Bound in a function, not in the module."""
        scopes = self._scope_of.get(id(name), ())
        return any(name.id in self._bound_at[id(scope)] for scope in scopes[1:])

    def dotted(self, node: ast.AST) -> str | None:
        """The dotted path of a name or attribute that starts at an import; ``None`` for anything else."""
        if isinstance(node, ast.Name):
            return self.imports.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            # A path is followed only through modules: torch.pi.real is an attribute of a number.
            return f"{base}.{node.attr}" if base is not None and base in _MODULE_PATHS else None
        return None

    def recursive(self) -> list[tuple[ast.AST, list[str]]]:
        """Functions that can reach themselves by name."""
        uses = {
            name: {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)} & self._functions.keys()
            for name, nodes in self._functions.items()
        }
        found: list[tuple[ast.AST, list[str]]] = []
        for name, used in uses.items():
            reached, pending = set[str](), sorted(used)
            while pending:
                other = pending.pop()
                if other not in reached:
                    reached.add(other)
                    pending.extend(sorted(uses[other]))
            if name in reached:
                found.append((self._functions[name][0], [name, *sorted(reached - {name}), name][:4]))
        return found[:1]

    def rebound_imports(self) -> list[LossRejected]:
        """Imported names that are also assigned: what they mean would depend on the place."""
        return [
            LossRejected("forbidden", f"{name} is imported and assigned: use another name", line)
            for name, line in self._rebound
        ]

    def _collect(self, node: ast.AST, scopes: tuple[ast.AST, ...]) -> None:
        bound = self._bound_at.setdefault(id(scopes[-1]), set())
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                self._import(child, bound)
            elif isinstance(child, ast.FunctionDef | ast.Lambda | ast.ListComp | ast.GeneratorExp):
                if isinstance(child, ast.FunctionDef):
                    bound.add(child.name)
                    self._functions.setdefault(child.name, []).append(child)
                inner = (*scopes, child)
                names = self._bound_at.setdefault(id(child), set())
                if not isinstance(child, ast.ListComp | ast.GeneratorExp):
                    names.update(a.arg for a in ast.walk(child.args) if isinstance(a, ast.arg))
                self._collect(child, inner)
            else:
                if isinstance(child, ast.Name):
                    self._scope_of[id(child)] = scopes
                    if not isinstance(child.ctx, ast.Load):
                        bound.add(child.id)
                if isinstance(child, ast.Assign):
                    self._assignment(child)
                self._collect(child, scopes)

    def _import(self, node: ast.Import | ast.ImportFrom, bound: set[str]) -> None:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                name, path = alias.asname or alias.name, f"{node.module}.{alias.name}"
            elif alias.asname:
                name, path = alias.asname, alias.name
            else:
                name = path = alias.name.split(".")[0]
            bound.add(name)
            self.imports[name] = path

    def _assignment(self, node: ast.Assign) -> None:
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if isinstance(node.value, ast.Lambda):
            for name in names:
                self._functions.setdefault(name, []).append(node.value)
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=False))
            for bound, value in pairs:
                inputs = {*LOGPS} | self.aliases_of_inputs
                if isinstance(bound, ast.Name) and isinstance(value, ast.Name) and value.id in inputs:
                    self.aliases_of_inputs.add(bound.id)

    def _find_rebound(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) and node.id in self.imports:
                self._rebound.append((node.id, node.lineno))
            elif isinstance(node, ast.arg | ast.FunctionDef):
                name = node.arg if isinstance(node, ast.arg) else node.name
                if name in self.imports:
                    self._rebound.append((name, node.lineno))


_MODULE_PATHS = frozenset({"torch", "torch.nn", "torch.nn.functional", "torch.special", "math", "typing"})
