"""Which names in a module mean its globals, as Python resolves them."""

from __future__ import annotations

import ast
import builtins

_Scope = (
    ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
)
_SCOPES = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)  # fmt: skip


def global_names(node: ast.AST) -> list[ast.Name]:
    """Names read in a statement that no function, lambda or comprehension around them binds; annotations left out."""
    found: list[ast.Name] = []
    _collect(node, [], found)
    return found


def unbound(tree: ast.Module) -> set[str]:
    """Names that a module's functions read and nothing binds."""
    bound: set[str] = set(dir(builtins))
    for node in tree.body:
        bound |= _stored(node)
        if isinstance(node, ast.ClassDef):
            bound.add(node.name)
    return {name.id for node in tree.body for name in global_names(node)} - bound


def _collect(node: ast.AST, bound: list[set[str]], found: list[ast.Name]) -> None:
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and not any(node.id in names for names in bound):
            found.append(node)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                _collect(default, bound, found)
        inner = [*bound, _locals_of(node)]
        for statement in node.body:
            _collect(statement, inner, found)
    elif isinstance(node, ast.AnnAssign):
        if node.value is not None:
            _collect(node.value, bound, found)
    elif isinstance(node, _SCOPES):
        inner = [*bound, _locals_of(node)]
        for child in ast.iter_child_nodes(node):
            _collect(child, inner, found)
    else:
        for child in ast.iter_child_nodes(node):
            _collect(child, bound, found)


def _locals_of(scope: _Scope) -> set[str]:
    names: set[str] = set()
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        names |= {node.arg for node in ast.walk(scope.args) if isinstance(node, ast.arg)}
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.arguments):
            names |= _stored(child)
    declared = {name for node in ast.walk(scope) if isinstance(node, ast.Global) for name in node.names}
    return names - declared


def _stored(node: ast.AST) -> set[str]:
    """Names that a statement binds in its own scope."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, _SCOPES):  # a walrus in a comprehension binds outside it
        return (
            {n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr)}
            if not isinstance(node, ast.Lambda)
            else set()
        )
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Store | ast.Del) else set()
    if isinstance(node, ast.alias):
        return {(node.asname or node.name).split(".")[0]}
    names: set[str] = set()
    for child in ast.iter_child_nodes(node):
        names |= _stored(child)
    return names
