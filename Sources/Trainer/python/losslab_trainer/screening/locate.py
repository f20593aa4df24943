"""Which function in a module is the loss, and how its parameters map to the four log-probabilities and beta."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from dataclasses import dataclass

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening.parameters import BETA, LOGPS, by_order, is_beta, meanings

__all__ = ["BETA", "LOGPS", "Located", "locate", "looks_like_loss", "rank"]

# Functions that stand beside a loss and are none themselves; they count only where nothing else does.
_BESIDE = re.compile(
    r"(test|check|verify|demo|example|main|plot|bench|grad|gradient|derivative|numerical|baseline|original|vanilla"
    r"|standard|naive|old|previous|reference|compare|d|backward)_.*"
    r"|(.*_)?(grad|grads|gradient|gradients|derivative|derivatives|backward|tests?|example|demo|usage|rewards?|accuracy"
    r"|accuracies|metrics|baseline|main)|(test|backward|example).*"
)


@dataclass(frozen=True)
class Located:
    """The loss function and what its parameters mean."""

    function: ast.FunctionDef
    owner: ast.ClassDef | None
    self_name: str | None
    logps: dict[str, str]  # its own parameter name -> one of LOGPS
    beta: str | None  # its own parameter name for beta
    constants: dict[str, ast.expr]  # other parameters that have a default


def locate(tree: ast.Module, first: str | None = None, echoes: Collection[str] = ()) -> Located:
    """The function that takes the log-probabilities; of several the last. Raises LossRejected: empty, signature.

    ``first`` names the function that goes on from a prompt: its first definition counts, whatever follows.
    ``echoes`` are functions as ``ast.dump`` has them that only repeat what was shown: they count last.
    """
    everything = _functions(tree)
    if first is not None:
        everything = [found for found in everything if found[0].name == first and found[1] is None][:1] or everything
    last = {(owner and owner.name, node.name): (node, owner) for node, owner in everything}  # a later definition wins
    best = _best(list(last.values()), echoes)
    if best is not None:
        return best[1]
    if not everything:
        raise LossRejected("empty", "the text defines no function; the loss is one `def`")
    raise _unclear(everything)


def rank(tree: ast.Module) -> int | None:
    """How surely a module holds a loss, 0 the surest; None for one that holds none."""
    last = {(owner and owner.name, node.name): (node, owner) for node, owner in _functions(tree)}
    best = _best(list(last.values()), ())
    return best[0] if best is not None else None


def looks_like_loss(code: str) -> bool:
    """Whether code that does not parse was to be a loss: its last function at the margin takes log-probabilities."""
    heads = re.findall(r"(?m)^(?:async )?def\s+(\w+)\s*\(([^)]*)", code) or re.findall(
        r"(?m)^\s+def\s+(\w+)\s*\(([^)]*)", code
    )
    if not heads:
        return False
    name, inside = heads[-1]
    names = [part.split(":")[0].split("=")[0].strip(" *\n\t") for part in re.sub(r"#.*", "", inside).split(",")]
    found = meanings([n for n in names if n.isidentifier() and n not in ("self", "cls") and not is_beta(n)])
    return not _stands_beside(name) and found.speaks and len(found.logps) > 0


def may_become_loss(code: str) -> bool:
    """Whether code that was cut off may have been on its way to a loss: no statement of an example or test yet."""
    lines = [line for line in code.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    heads = [match for line in lines if (match := re.match(r"\s*(?:async )?(?:def|class)(?:\s+(\w+))?", line))]
    if heads:
        return not _stands_beside(heads[-1][1] or "")
    return all(re.match(r"(import|from|@|d|de|def|c|cl|cla|clas|class)\b", line) for line in lines)


def _best(
    functions: list[tuple[ast.FunctionDef, ast.ClassDef | None]], echoes: Collection[str]
) -> tuple[int, Located] | None:
    """The last of those that are surest: named before positional, losses before what stands beside them."""
    tiers: dict[int, list[Located]] = {}
    for node, owner in functions:
        named = _understood(node, owner)
        found = named or _by_position(node, owner)
        if found is None:
            continue
        beside = _stands_beside(node.name) or (owner is not None and _is_trainer(owner))
        echoed = bool(echoes) and _bare_dump(node) in echoes
        tier = (0 if named is not None else 1) + (2 if echoed else 0) + (4 if beside else 0)
        tiers.setdefault(tier, []).append(found)
    if not tiers:
        return None
    tier = min(tiers)
    roots = _not_called_by_others(tiers[tier])
    most = max(len(found.logps) for found in roots)
    # A helper of the policy's two beside a loss of all four; a loss may do without the reference, and says so.
    full = [found for found in roots if len(found.logps) == most or "loss" in found.function.name.lower()]
    return tier, max(full, key=lambda found: found.function.lineno)


def _functions(tree: ast.Module) -> list[tuple[ast.FunctionDef, ast.ClassDef | None]]:
    found: list[tuple[ast.FunctionDef, ast.ClassDef | None]] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found.append((node, None))
        elif isinstance(node, ast.ClassDef):
            methods = [m for m in node.body if isinstance(m, ast.FunctionDef)]
            found += [(m, node) for m in methods if not m.name.startswith("__") or m.name == "__call__"]
    return found


def _stands_beside(name: str) -> bool:
    return _BESIDE.fullmatch(name.lower().strip("_")) is not None


def _is_trainer(owner: ast.ClassDef) -> bool:
    names = [owner.name, *(ast.unparse(base) for base in owner.bases)]
    return any("Trainer" in name or "TestCase" in name or name.startswith("Test") for name in names)


def _bare_dump(node: ast.FunctionDef) -> str:
    body = [s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    return "\n".join(ast.dump(statement) for statement in body)


def bodies(tree: ast.Module) -> set[str]:
    """The bodies of a module's functions, as ``echoes`` wants them."""
    return {_bare_dump(node) for node, _ in _functions(tree)}


def _unclear(functions: list[tuple[ast.FunctionDef, ast.ClassDef | None]]) -> LossRejected:
    """Which names of the likeliest function do not say what they stand for."""
    wanted = f"{', '.join(LOGPS)}, {BETA}"
    for node, owner in reversed(functions):
        if _stands_beside(node.name):
            continue
        _, parameters, defaults = _without_self(node, owner)
        required = [p.arg for p in parameters if p.arg not in defaults and not is_beta(p.arg)]
        found = meanings(required)
        if found.logps and found.unclear and node.args.vararg is None:
            names = ", ".join(found.unclear)
            message = f"{node.name}: it is unclear which log-probabilities {names} are; name them as in ({wanted})"
            return LossRejected("signature", message, node.lineno)
    seen = "; ".join(f"{node.name}({', '.join(a.arg for a in _parameters(node))})" for node, _ in functions[:4])
    return LossRejected("signature", f"no function takes ({wanted}); found {seen}", functions[0][0].lineno)


def _understood(node: ast.FunctionDef, owner: ast.ClassDef | None) -> Located | None:
    """By parameter names: exactly one for each log-probability it takes, the policy's two at least."""
    self_name, parameters, defaults = _without_self(node, owner)
    beta = _beta(parameters, defaults)
    names = [p.arg for p in parameters if p.arg != beta]
    # A default of None, as for the reference's two, does not make a constant of a log-probability.
    absent = {n for n in names if n in defaults and _is_none(defaults[n])}
    clear = meanings([n for n in names if n not in defaults or n in absent]).logps
    taken = [n for n in names if n not in defaults or (n in absent and n in clear)]
    found = meanings(taken)
    if found.unclear or node.args.vararg is not None or not {LOGPS[0], LOGPS[1]} <= set(found.logps.values()):
        return None
    constants = {n: defaults[n] for n in names if n not in taken}
    return Located(node, owner, self_name, found.logps, beta, constants)


def _by_position(node: ast.FunctionDef, owner: ast.ClassDef | None) -> Located | None:
    """By position: four parameters without a default, whose names say nothing, in the order of LOGPS."""
    self_name, parameters, defaults = _without_self(node, owner)
    beta = _beta(parameters, defaults)
    required = [p.arg for p in parameters if p.arg not in defaults and p.arg != beta]
    found = by_order(required)
    if found is None or node.args.vararg is not None:
        return None
    constants = {name: value for name, value in defaults.items() if name != beta}
    return Located(node, owner, self_name, found, beta, constants)


def _beta(parameters: list[ast.arg], defaults: dict[str, ast.expr]) -> str | None:
    """The parameter that is beta: by that name, otherwise one that is required, or the only one, of a like name."""
    for name in (p.arg for p in parameters):
        if name.lower() in (BETA, "self_beta", "β"):
            return name
    like = [p.arg for p in parameters if is_beta(p.arg)]
    required = [name for name in like if name not in defaults]
    return required[-1] if required else next((n for n in like if n.startswith(BETA) or n.endswith(BETA)), None)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _without_self(
    node: ast.FunctionDef, owner: ast.ClassDef | None
) -> tuple[str | None, list[ast.arg], dict[str, ast.expr]]:
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = {
        a.arg: value
        for a, value in zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True)
    }
    defaults |= {a.arg: v for a, v in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if v is not None}
    parameters = _parameters(node)
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
    if parameters and not static and (owner is not None or parameters[0].arg in ("self", "cls")):
        return parameters[0].arg, parameters[1:], defaults
    return None, parameters, defaults


def _parameters(node: ast.FunctionDef) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def _not_called_by_others(candidates: list[Located]) -> list[Located]:
    """Candidates that no other candidate uses: of a loss and the wrapper around it, the wrapper."""

    def uses(one: Located, other: Located) -> bool:
        name = other.function.name
        return any(
            (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load) and not local)
            or (isinstance(node, ast.Attribute) and node.attr == name)
            for local in [_binds(one.function, name)]
            for node in ast.walk(one.function)
        )

    roots = [c for c in candidates if not any(uses(other, c) for other in candidates if other is not c)]
    return roots or candidates


def _binds(function: ast.FunctionDef, name: str) -> bool:
    """Whether a name is the function's own: its value there is no other function."""
    return any(
        (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store))
        or (isinstance(node, ast.arg) and node.arg == name)
        for node in ast.walk(function)
    )
