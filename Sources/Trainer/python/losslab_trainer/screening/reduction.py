"""A final mean or sum over the batch, taken off a loss whose value before it is plainly one for each pair.

Shapes are followed through elementwise operations only. Where anything else is met (stacking, indexing, products of
matrices) nothing is plain and nothing is changed: the probe then says that the values have the wrong shape.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from losslab_trainer.screening import allowlist
from losslab_trainer.screening.rewrite import SourceText
from losslab_trainer.screening.word_sets import words

_PAIR, _SCALAR, _UNKNOWN = "one for each pair", "one for all", "unknown"
_LOSSES = words(
    "binary_cross_entropy binary_cross_entropy_with_logits huber_loss l1_loss mse_loss smooth_l1_loss soft_margin_loss "
    "kl_div hinge_embedding_loss margin_ranking_loss"
)
_NOT_ELEMENTWISE = words("cross_entropy nll_loss cosine_similarity normalize pad softmax log_softmax softmin")
_ALONG_BATCH = words("softmax log_softmax cumsum cummax cummin detach clone float double contiguous to type_as")
_ELEMENTWISE = (
    frozenset(allowlist._ELEMENTWISE.split())
    | (allowlist.FUNCTIONAL - _LOSSES - _NOT_ELEMENTWISE)
    | (allowlist.SPECIAL - {"softmax", "log_softmax", "logsumexp"})
    | allowlist.MATH
    | {"detach", "clone", "float", "double", "contiguous", "to", "type_as", "abs", "pow", "where", "masked_fill"}
) - {"allclose", "equal", "softmax", "log_softmax"}
_REDUCING = words("mean sum std var max min median norm prod logsumexp amax amin quantile nanmean nansum")
_LIKE = words("zeros_like ones_like full_like")
_DEEPEST_CALLS = 3


@dataclass
class _Value:
    """What a name stands for at a place: its shape, and the expression that gave it where that is plain."""

    shape: str
    source: ast.expr | None = None
    before: dict[str, _Value] = field(default_factory=dict)  # the names as they were when it was assigned
    reads: int = 0


@dataclass
class _Scope:
    names: dict[str, _Value]
    functions: dict[str, ast.FunctionDef]
    depth: int = 0
    returns: list[tuple[ast.expr, dict[str, _Value]]] = field(default_factory=list)


def taken_off(source: SourceText, tree: ast.Module, function: ast.FunctionDef, inputs: list[str]) -> bool:
    """Edits every return of the loss that ends in a reduction. ``inputs`` are the names of the log-probabilities."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    scope = _Scope({name: _Value(_SCALAR) for name in _constants(tree)}, functions)
    for parameter in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs):
        scope.names[parameter.arg] = _Value(_PAIR if parameter.arg in inputs else _SCALAR)
    scope.names.setdefault("beta", _Value(_SCALAR))
    _run(function.body, scope)
    edits: list[tuple[int, int, str]] = []
    for value, names in scope.returns:
        values = value.elts[:1] if isinstance(value, ast.Tuple) else [value]
        for expression in values:
            found = _edits(expression, names, scope, source)
            if found is not None:
                edits += [edit for edit in found[1] if edit not in edits]
    for edit in edits:
        source.replace(*edit)
    return bool(edits)


def _constants(tree: ast.Module) -> set[str]:
    return {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _run(body: list[ast.stmt], scope: _Scope) -> None:
    """Follows assignments in order. What a branch or loop assigns stays only as far as both ways agree."""
    for statement in body:
        if isinstance(statement, ast.Return):
            if statement.value is not None:
                _count(statement.value, scope)
                scope.returns.append((statement.value, dict(scope.names)))
        elif isinstance(statement, ast.Assign):
            _count(statement.value, scope)
            for target in statement.targets:
                _assign(target, statement.value, scope)
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            _count(statement.value, scope)
            _assign(statement.target, statement.value, scope)
        elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            _count(statement.value, scope)
            old = scope.names.get(statement.target.id, _Value(_UNKNOWN))
            old.reads += 1
            scope.names[statement.target.id] = _Value(_joint([old.shape, _shape(statement.value, scope)]))
        elif isinstance(statement, ast.If):
            _count(statement.test, scope)
            before = dict(scope.names)
            _run(statement.body, scope)
            one = scope.names
            scope.names = dict(before)
            _run(statement.orelse, scope)
            ends = bool(statement.body) and isinstance(statement.body[-1], ast.Return)
            scope.names = scope.names if ends else _merged(one, scope.names)
        elif isinstance(statement, ast.With):
            _run(statement.body, scope)
        elif isinstance(statement, ast.FunctionDef):
            scope.functions = {**scope.functions, statement.name: statement}
        else:
            _count(statement, scope)
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    scope.names[node.id] = _Value(_UNKNOWN)


def _assign(target: ast.expr, value: ast.expr, scope: _Scope) -> None:
    if isinstance(target, ast.Name):
        scope.names[target.id] = _Value(_shape(value, scope), value, dict(scope.names))
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        shapes = [_shape(item, scope) for item in value.elts]
        for item, shape in zip(target.elts, shapes, strict=True):
            if isinstance(item, ast.Name):
                scope.names[item.id] = _Value(shape)
    else:
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                scope.names[node.id] = _Value(_UNKNOWN)


def _count(node: ast.AST, scope: _Scope) -> None:
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id in scope.names:
            scope.names[part.id].reads += 1


def _merged(one: dict[str, _Value], other: dict[str, _Value]) -> dict[str, _Value]:
    merged: dict[str, _Value] = {}
    for name in one.keys() | other.keys():
        first, second = one.get(name), other.get(name)
        if first is second and first is not None:
            merged[name] = first
        else:
            same = first is not None and second is not None and first.shape == second.shape
            merged[name] = _Value(first.shape if same and first is not None else _UNKNOWN)
    return merged


def _joint(shapes: list[str]) -> str:
    if _UNKNOWN in shapes:
        return _UNKNOWN
    return _PAIR if _PAIR in shapes else _SCALAR


def _shape(node: ast.expr, scope: _Scope) -> str:
    if isinstance(node, ast.Constant):
        return _SCALAR
    if isinstance(node, ast.Name):
        return scope.names[node.id].shape if node.id in scope.names else _UNKNOWN
    if isinstance(node, ast.UnaryOp):
        return _shape(node.operand, scope)
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.MatMult):
        return _joint([_shape(node.left, scope), _shape(node.right, scope)])
    if isinstance(node, ast.Compare):
        return _joint([_shape(part, scope) for part in (node.left, *node.comparators)])
    if isinstance(node, ast.IfExp):
        one, other = _shape(node.body, scope), _shape(node.orelse, scope)
        return one if one == other else _UNKNOWN
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("math", "torch", "self"):
        return _SCALAR
    if isinstance(node, ast.Call):
        return _shape_of_call(node, scope)
    return _UNKNOWN


def _shape_of_call(node: ast.Call, scope: _Scope) -> str:
    arguments = [
        *node.args,
        *(k.value for k in node.keywords if k.arg not in ("dim", "dtype", "reduction", "min", "max")),
    ]
    if isinstance(node.func, ast.Name):
        name, function = node.func.id, scope.functions.get(node.func.id)
        if function is not None and node.func.id not in scope.names:
            return (
                _shape_of_function(function, [_shape(a, scope) for a in node.args], scope)
                if not node.keywords
                else _UNKNOWN
            )
    elif isinstance(node.func, ast.Attribute):
        name = node.func.attr
        if not _is_module(node.func.value):
            arguments = [node.func.value, *arguments]
    else:
        return _UNKNOWN
    shapes = [_shape(argument, scope) for argument in arguments]
    if name in _LOSSES:
        return _joint(shapes) if _reduction(node) == "none" else _SCALAR if _joint(shapes) != _UNKNOWN else _UNKNOWN
    if name in _LIKE and shapes:
        return shapes[0]
    if name in _ALONG_BATCH and shapes:
        return shapes[0] if shapes[0] != _UNKNOWN else _UNKNOWN
    if name in ("tensor", "as_tensor", "item", "numel", "size", "len", "finfo"):
        return _SCALAR if name in ("item", "numel", "len") or _joint(shapes) == _SCALAR else _UNKNOWN
    if name in _REDUCING and arguments:
        if len(shapes) == 1 or (len(shapes) == 2 and name not in ("max", "min") and shapes[1] == _SCALAR):
            return _SCALAR if shapes[0] != _UNKNOWN else _UNKNOWN
        return _joint(shapes)
    if name in _ELEMENTWISE:
        return _joint(shapes)
    return _UNKNOWN


def _shape_of_function(function: ast.FunctionDef, shapes: list[str], scope: _Scope) -> str:
    parameters = [a.arg for a in function.args.args]
    if scope.depth >= _DEEPEST_CALLS or len(shapes) > len(parameters):
        return _UNKNOWN
    names = {name: _Value(_SCALAR) for name in parameters[len(shapes) :]}
    names |= {name: _Value(shape) for name, shape in zip(parameters, shapes, strict=False)}
    inner = _Scope({**scope.names, **names}, scope.functions, scope.depth + 1)
    _run(function.body, inner)
    found = {_shape(value, _Scope(known, scope.functions, scope.depth + 1)) for value, known in inner.returns}
    return found.pop() if len(found) == 1 else _UNKNOWN


def _is_module(node: ast.expr) -> bool:
    return ast.unparse(node) in (
        "torch",
        "F",
        "nn",
        "math",
        "nn.functional",
        "torch.nn.functional",
        "torch.special",
        "nnf",
    )


def _reduction(node: ast.Call) -> str:
    given = next((k.value for k in node.keywords if k.arg == "reduction"), None)
    return str(given.value) if isinstance(given, ast.Constant) else "mean" if given is None else "unknown"


def _edits(
    node: ast.expr, names: dict[str, _Value], scope: _Scope, source: SourceText
) -> tuple[str, list[tuple[int, int, str]]] | None:
    """Which reduction ends an expression (mean or sum), and the edits that take it off."""
    here = _Scope(names, scope.functions)
    if isinstance(node, ast.Name):
        value = names.get(node.id)
        if value is None or value.source is None or value.reads != 1 or value.shape != _SCALAR:
            return None
        return _edits(value.source, value.before, scope, source)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        return _edits(node.operand, names, scope, source)
    if isinstance(node, ast.BinOp):
        return _edits_of_operation(node, names, scope, source)
    if not isinstance(node, ast.Call):
        return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if name in _LOSSES and _shape(node, here) == _SCALAR and _reduction(node) in ("mean", "sum", "batchmean"):
        given = next((k.value for k in node.keywords if k.arg == "reduction"), None)
        kind = _reduction(node)
        if given is not None:
            return kind, [(source.start(given), source.end(given), '"none"')]
        end = source.end(node) - 1
        comma = "" if source.text[:end].rstrip().endswith(",") else ","
        return kind, [(end, end, f'{comma} reduction="none"')]
    if name not in ("mean", "sum", "nanmean", "nansum") or not isinstance(node.func, ast.Attribute):
        return None
    of_module = _is_module(node.func.value)
    inner = node.args[0] if of_module and node.args else node.func.value
    rest = node.args[1:] if of_module else node.args
    options = [*rest, *(k.value for k in node.keywords)]
    over_batch = all(isinstance(o, ast.Constant | ast.UnaryOp) and ast.unparse(o) in ("0", "-1") for o in options)
    named = all(k.arg in ("dim", "axis") for k in node.keywords)
    if (of_module and not node.args) or not over_batch or not named:
        return None
    # What is one number already stays so: x.sum().mean().
    below = _edits(inner, names, scope, source) if not of_module and not options else None
    if _shape(inner, here) != _PAIR and below is None:
        return None
    kind = name.removeprefix("nan")
    if of_module:
        return kind, [(source.start(node), source.start(inner), "("), (source.end(inner), source.end(node), ")")]
    end = source.end(node.func) - len(node.func.attr)
    dot = source.text.rfind(".", 0, end)
    own = (dot, source.end(node), "")
    return (kind, [own]) if below is None else (below[0], [*below[1], own])


def _edits_of_operation(
    node: ast.BinOp, names: dict[str, _Value], scope: _Scope, source: SourceText
) -> tuple[str, list[tuple[int, int, str]]] | None:
    here = _Scope(names, scope.functions)
    left, right = (_edits(side, names, scope, source) for side in (node.left, node.right))
    if isinstance(node.op, ast.Add | ast.Sub):
        if left is not None and right is not None:
            return (left[0], left[1] + right[1]) if left[0] == right[0] else None
        one = left or right
        other = node.right if left is not None else node.left
        return one if one is not None and one[0] == "mean" and _shape(other, here) == _SCALAR else None
    if isinstance(node.op, ast.Mult) and (left is None) != (right is None):
        other = node.right if left is not None else node.left
        return (left or right) if _shape(other, here) == _SCALAR else None
    if isinstance(node.op, ast.Div) and left is not None and right is None:
        return left if _shape(node.right, here) == _SCALAR else None
    return None
