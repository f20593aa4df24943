"""The oracle's half inside the sandbox: executes a reply's code as written and calls its function by its parameters.

Never imported. The oracle sends this text with three constants before it: ``CODE``, a list of Python texts that share
one namespace; ``NAME``, the function or ``Class.method``; ``ROLES``, for each of its parameters the argument it takes.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import math
import sys
import types
import typing

import torch

CODE: list[str] = globals()["CODE"]
NAME: str = globals()["NAME"]
ROLES: list[tuple[str, str]] = globals()["ROLES"]

Call = typing.Callable[..., object]
KNOWN = {
    "torch": torch,
    "nn": torch.nn,
    "F": torch.nn.functional,
    "math": math,
    "Tensor": torch.Tensor,
    **{name: getattr(typing, name) for name in ("Any", "Callable", "Dict", "List", "Optional", "Tuple", "Union")},
}
# Mended by the lab: a function of torch.nn.functional that is looked for in torch.
for name in ("logsigmoid", "softplus"):
    if not hasattr(torch, name):
        setattr(torch, name, getattr(torch.nn.functional, name))
DEFINITIONS = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)


def executed() -> dict[str, typing.Any]:
    """The namespace after all definitions. Usage that fails is not the loss's fault; a name it misses shows later."""
    sys.stdout = io.StringIO()
    namespace: dict[str, typing.Any] = {"__name__": "reply", **KNOWN}
    for text in CODE:
        for node in ast.parse(text).body:
            if isinstance(node, DEFINITIONS):
                try:
                    exec(compile(ast.Module([node], []), "<reply>", "exec"), namespace)
                except Exception:
                    if isinstance(node, ast.FunctionDef) and node.name == NAME:
                        raise
    return namespace


def function(namespace: dict[str, typing.Any]) -> Call:
    """The function, or the method of an object that has beta."""
    owner, _, method = NAME.rpartition(".")
    me: typing.Any = types.SimpleNamespace()
    if owner:
        for values in ((0.0,), ()):
            with contextlib.suppress(Exception):
                me = namespace[owner](*values)
    found = getattr(namespace[owner], method) if owner else namespace[NAME]
    if next(iter(inspect.signature(found).parameters), "") != "self":
        return typing.cast(Call, found)

    def bound(*values: object) -> object:
        me.beta = BETA[0]
        return found(me, *values)

    return bound


BETA = [0.0]
FUNCTION = function(executed())


def called(arguments: dict[str, object]) -> torch.Tensor:
    """What the function returns for these arguments; of several results the first."""
    BETA[0] = typing.cast(float, arguments["beta"])
    result = FUNCTION(*[arguments[role] for _, role in ROLES])
    if isinstance(result, dict):
        result = next((value for key, value in result.items() if "loss" in str(key)), result)
    if isinstance(result, tuple | list) and result:
        result = result[0]
    if not isinstance(result, torch.Tensor):
        raise TypeError(f"returned {type(result).__name__}, not a tensor")
    return result


def loss(pc: torch.Tensor, pr: torch.Tensor, rc: torch.Tensor, rr: torch.Tensor, beta: float) -> torch.Tensor:
    """One value a pair. A single number counts where it is the mean or the sum of what it is for each pair alone."""
    values = called({"pc": pc, "pr": pr, "rc": rc, "rr": rr, "beta": beta})
    pairs = len(pc)
    if values.dim() == 0 and pairs > 1:
        alone = torch.stack(
            [
                called({"pc": pc[i], "pr": pr[i], "rc": rc[i], "rr": rr[i], "beta": beta}).reshape(())
                for i in (slice(n, n + 1) for n in range(pairs))
            ]
        )
        for whole in (alone.mean(), alone.sum()):
            if torch.allclose(values, whole.to(values.dtype), rtol=1e-3, atol=1e-6, equal_nan=True):
                return alone.to(pc.dtype)
        raise TypeError("UNCLEAR one number, neither the mean nor the sum of the pairs")
    if values.dim() == 0:
        values = values.reshape(1)
    if values.shape == (2 * pairs,):
        values = (values[:pairs] + values[pairs:]) / 2
    if values.shape != pc.shape:
        raise TypeError(f"returned shape {tuple(values.shape)} for {pairs} pairs")
    return values.to(pc.dtype) if pc.dtype == torch.float64 else values
