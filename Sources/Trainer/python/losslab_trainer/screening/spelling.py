"""Functions under a name that torch or the gate does not have, where what is meant is plain, written as a loss may.

``torch.logsigmoid`` -> ``F.logsigmoid``; ``F.exp`` -> ``torch.exp``; ``x.softplus()`` -> ``F.softplus(x)``;
``clamp_min`` and ``clamp_max`` -> ``clamp``; numpy's constants, and its functions of constants -> math's;
``x[..., 0]`` -> ``x.movedim(-1, 0)[0]``, which is the same for every shape; a lambda with a name -> a function;
``self.beta`` -> ``beta`` where there is no self.
"""

from __future__ import annotations

import ast

from losslab_trainer.screening import allowlist
from losslab_trainer.screening.references import unbound
from losslab_trainer.screening.rewrite import SourceText

_OTHER_NAMES = {"log_sigmoid": "logsigmoid", "soft_plus": "softplus", "logSigmoid": "logsigmoid"}
_FUNCTIONAL = "torch.nn.functional"
_NUMPY_CONSTANTS = {"pi": "math.pi", "e": "math.e", "inf": "math.inf", "nan": "math.nan", "log": "math.log",
                    "exp": "math.exp", "sqrt": "math.sqrt", "log2": "math.log2", "tanh": "math.tanh",
                    "log1p": "math.log1p", "log10": "math.log10"}  # fmt: skip


def torch_functions(source: SourceText, tree: ast.Module) -> bool:
    """Functions of torch and of torch.nn.functional taken for each other's, and functions written as methods."""
    functional = _functional_name(tree)
    found = False
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        base = ast.unparse(node.value)
        name = _OTHER_NAMES.get(node.attr, node.attr)
        if base == "torch" and name in allowlist.FUNCTIONAL - allowlist.TORCH:
            source.replace(source.start(node), source.end(node), f"{functional}.{name}")
        elif base in (functional, "F", _FUNCTIONAL) and name in allowlist.TORCH - allowlist.FUNCTIONAL:
            source.replace(source.start(node), source.end(node), f"torch.{name}")
        elif base in (functional, "F", _FUNCTIONAL) and name != node.attr:
            source.replace(source.start(node), source.end(node), f"{base}.{name}")
        else:
            continue
        found = True
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
            name = _OTHER_NAMES.get(node.func.attr, node.func.attr)
            base = ast.unparse(node.func.value)
            if name in allowlist.FUNCTIONAL - allowlist.METHODS and base not in (
                "torch",
                "F",
                "nn",
                functional,
                _FUNCTIONAL,
            ):
                end = source.end(node.func) - len(node.func.attr)
                dot = source.text.rfind(".", 0, end)
                source.replace(source.start(node), source.start(node), f"{functional}.{name}(")
                source.replace(dot, source.end(node), ")")
                return True  # one at a time: they nest
    return found


def clamps(source: SourceText, tree: ast.Module) -> bool:
    """``clamp_min(x, 0)`` and ``x.clamp_max(1)`` -> ``clamp`` with a keyword."""
    found = False
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr not in ("clamp_min", "clamp_max"):
            continue
        end = source.end(node.func)
        source.replace(end - len(node.func.attr), end, "clamp")
        of_module = ast.unparse(node.func.value) == "torch"
        bound = node.args[int(of_module) :]
        if len(bound) == 1:
            first = (
                source.text.index("(", end) + 1
                if not of_module
                else source.text.index(",", source.end(node.args[0])) + 1
            )
            place = first + len(source.text[first:]) - len(source.text[first:].lstrip())
            source.replace(place, place, f"{node.func.attr.removeprefix('clamp_')}=")
        found = True
    return found


def numpy_constants(source: SourceText, tree: ast.Module) -> bool:
    """Numpy's numbers, and its functions of numbers, as math has them."""
    aliases = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "numpy"
    } or ({"np"} & unbound(tree))
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = False
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases):
            continue
        call = called.get(id(node))
        name = _NUMPY_CONSTANTS.get(node.attr)
        if name is None or (call is None) != (node.attr in ("pi", "e", "inf", "nan")):
            continue
        if call is None or (len(call.args) == 1 and not call.keywords and _is_number(call.args[0], aliases)):
            source.replace(source.start(node), source.end(node), name)
            found = True
    return found


def _is_number(node: ast.expr, aliases: set[str]) -> bool:
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return names <= aliases | {"math", "beta"}


def last_items(source: SourceText, tree: ast.Module) -> bool:
    """``x[..., k]`` and ``x[..., None]`` without the ellipsis."""
    found = False
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2):
            continue
        first, item = node.slice.elts
        if not (isinstance(first, ast.Constant) and first.value is Ellipsis) or isinstance(item, ast.Slice):
            continue
        bracket = source.text.index("[", source.end(node.value))
        nothing = isinstance(item, ast.Constant) and item.value is None
        new = ".unsqueeze(-1)" if nothing else f".movedim(-1, 0)[{source.slice(item)}]"
        source.replace(bracket, source.end(node), new)
        found = True
    return found


def free_self(source: SourceText, tree: ast.Module) -> bool:
    """``self.beta`` or ``args.beta`` in a function that has no such object."""
    unknown = unbound(tree)
    found = False
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr == "beta"):
            continue
        if node.value.id in unknown and node.value.id in ("self", "args", "config", "cfg", "hparams"):
            source.replace(source.start(node), source.end(node), "beta")
            found = True
    return found


def named_lambdas(source: SourceText, tree: ast.Module) -> bool:
    """``loss = lambda ...: ...`` at the margin -> ``def loss(...): return ...``, in the same lines."""
    found = False
    for node in tree.body:
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda) and len(node.targets) == 1):
            continue
        target, function = node.targets[0], node.value
        if not isinstance(target, ast.Name) or len(function.args.args) < 2:
            continue
        body = source.start(function.body)
        place = source.start(function)
        for part in [*function.args.args, *function.args.kwonlyargs]:
            place = max(place, source.place(part.end_lineno or part.lineno, part.end_col_offset or 0))
        for default in function.args.defaults:
            place = max(place, source.end(default))
        colon = source.text.index(":", place, body)
        source.replace(source.start(node), colon + 1, f"def {target.id}({ast.unparse(function.args)}): return")
        found = True
    return found


def _functional_name(tree: ast.Module) -> str:
    """What torch.nn.functional is called here: F, unless that is something else."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named = [alias.asname for alias in node.names if alias.name == _FUNCTIONAL and alias.asname]
        elif isinstance(node, ast.ImportFrom) and node.module == "torch.nn":
            named = [alias.asname or alias.name for alias in node.names if alias.name == "functional"]
        else:
            continue
        if named:
            return named[0]
    taken = any(
        (isinstance(node, ast.Name) and node.id == "F" and isinstance(node.ctx, ast.Store))
        or (isinstance(node, ast.arg) and node.arg == "F")
        or (isinstance(node, ast.alias) and (node.asname or node.name) == "F")
        for node in ast.walk(tree)
    )
    return _FUNCTIONAL if taken else "F"
