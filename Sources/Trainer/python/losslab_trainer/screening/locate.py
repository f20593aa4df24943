"""Which function in a module is the loss, and how its parameters map to the four log-probabilities and beta."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from losslab_trainer.contract import LossRejected

LOGPS = ("policy_chosen_logps", "policy_rejected_logps", "reference_chosen_logps", "reference_rejected_logps")
BETA = "beta"

_WORDS = {
    "chosen": ("chosen", "preferred", "winner", "winning", "win", "positive", "pos", "w", "good", "better"),
    "rejected": ("rejected", "dispreferred", "loser", "losing", "lose", "negative", "neg", "l", "bad", "worse"),
    "reference": ("reference", "ref", "base"),
}


@dataclass(frozen=True)
class Located:
    """The loss function and what its parameters mean."""

    function: ast.FunctionDef
    owner: ast.ClassDef | None
    self_name: str | None
    logps: dict[str, str]  # its own parameter name -> one of LOGPS
    beta: str | None  # its own parameter name for beta
    constants: dict[str, ast.expr]  # other parameters that have a default


def locate(tree: ast.Module) -> Located:
    """The one function that takes the log-probabilities. Raises LossRejected: empty, signature, ambiguous."""
    functions = [(node, None) for node in tree.body if isinstance(node, ast.FunctionDef)]
    in_classes = [
        (node, owner)
        for owner in tree.body
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("__")
    ]
    everything: list[tuple[ast.FunctionDef, ast.ClassDef | None]] = [*functions, *in_classes]
    last = {(owner and owner.name, node.name): (node, owner) for node, owner in everything}  # a later definition wins
    named = [found for node, owner in last.values() if (found := _understood(node, owner)) is not None]
    if not named:
        named = [found for node, owner in last.values() if (found := _by_position(node, owner)) is not None]
    most = max((len(found.logps) for found in named), default=0)
    roots = [found for found in _not_called_by_others(named) if len(found.logps) == most]
    if len(roots) > 1:
        roots = [found for found in roots if found.function.name == "loss"] or roots
    if len(roots) == 1:
        return roots[0]
    if len(roots) > 1:
        names = ", ".join(f"{found.function.name} (line {found.function.lineno})" for found in roots)
        raise LossRejected("ambiguous", f"several functions could be the loss: {names}; send one")
    if not everything:
        raise LossRejected("empty", "the text defines no function; the loss is one `def`")
    seen = "; ".join(f"{node.name}({', '.join(a.arg for a in _parameters(node))})" for node, _ in everything[:4])
    wanted = ", ".join(LOGPS)
    raise LossRejected("signature", f"no function takes ({wanted}, beta); found {seen}", everything[0][0].lineno)


def _understood(node: ast.FunctionDef, owner: ast.ClassDef | None) -> Located | None:
    """By parameter names: exactly one for each log-probability it takes, the policy's two at least."""
    self_name, parameters, defaults = _without_self(node, owner)
    logps: dict[str, str] = {}
    beta: str | None = None
    constants: dict[str, ast.expr] = {}
    for parameter in parameters:
        meaning = _meaning(parameter.arg)
        if parameter.arg.lower() in (BETA, "self_beta", "b") and beta is None:
            beta = parameter.arg
        elif meaning is not None and meaning not in logps.values() and parameter.arg not in defaults:
            logps[parameter.arg] = meaning
        elif parameter.arg in defaults:
            constants[parameter.arg] = defaults[parameter.arg]
        else:
            return None
    if not {LOGPS[0], LOGPS[1]} <= set(logps.values()) or node.args.vararg is not None:
        return None
    return Located(node, owner, self_name, logps, beta, constants)


def _by_position(node: ast.FunctionDef, owner: ast.ClassDef | None) -> Located | None:
    """By position: four parameters without a default, whose names say nothing, in the order of LOGPS."""
    self_name, parameters, defaults = _without_self(node, owner)
    required = [p.arg for p in parameters if p.arg not in defaults and p.arg != BETA]
    if len(required) == 5 and required[4] in ("b", "temperature", "beta_value"):
        beta: str | None = required.pop()
    else:
        beta = next((p.arg for p in parameters if p.arg == BETA), None)
    if len(required) != 4 or node.args.vararg is not None or any(_meaning(name) for name in required):
        return None
    constants = {name: value for name, value in defaults.items() if name != beta}
    return Located(node, owner, self_name, dict(zip(required, LOGPS, strict=True)), beta, constants)


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


def _meaning(name: str) -> str | None:
    """Which log-probability a parameter's name speaks of, if it does."""
    words = set(re.split(r"[_\d]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()))
    chosen = bool(words & set(_WORDS["chosen"]))
    rejected = bool(words & set(_WORDS["rejected"]))
    if chosen == rejected:
        return None
    side = "chosen" if chosen else "rejected"
    source = "reference" if words & set(_WORDS["reference"]) else "policy"
    return f"{source}_{side}_logps"


def _not_called_by_others(candidates: list[Located]) -> list[Located]:
    """Candidates that no other candidate uses: of a loss and the wrapper around it, the wrapper."""

    def uses(one: Located, other: Located) -> bool:
        name = other.function.name
        return any(
            (isinstance(node, ast.Name) and node.id == name) or (isinstance(node, ast.Attribute) and node.attr == name)
            for node in ast.walk(one.function)
        )

    roots = [c for c in candidates if not any(uses(other, c) for other in candidates if other is not c)]
    return roots or candidates
