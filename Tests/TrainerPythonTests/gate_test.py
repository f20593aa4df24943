"""The static gate: what a loss may contain, in more than a hundred snippets."""

from __future__ import annotations

import ast
import symtable
from pathlib import Path

import pytest
import torch
from losslab_trainer.contract import REJECTION_CODES, LossRejected
from losslab_trainer.screening.gate import violations
from losslab_trainer.screening.parsing import LARGEST_SOURCE, parse
from losslab_trainer.screening.scopes import Scopes

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = sorted((ROOT / "losses").glob("*/*.py"))

HEAD = "import math\nimport torch\nimport torch.nn.functional as F\nfrom torch import Tensor, nn\n"
SIGNATURE = (
    "def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):\n"
)
RHO = "    rho = policy_chosen_logps - policy_rejected_logps - (reference_chosen_logps - reference_rejected_logps)\n"


def in_loss(body: str, before: str = "") -> str:
    """A whole file whose loss has these lines before its return."""
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return HEAD + before + "\n" + SIGNATURE + RHO + lines + "    return rho\n"


GOOD = {
    "where": "rho = torch.where(rho > 0, -F.logsigmoid(beta * rho), torch.relu(1 - beta * rho))",
    "methods": "rho = (-beta * rho).exp().clamp(max=10.0).sqrt() + rho.abs().log1p()",
    "statistics": "rho = (rho - rho.mean()) / (rho.std(unbiased=False) + 1e-6)",
    "sorting": "values, order = torch.sort(rho, dim=0)\nrho = values.detach() * 0 + rho",
    "constants": "tau, alpha = 0.05, 1e-3\nrho = rho * tau + alpha",
    "if on a number": "if beta > 0.1:\n    rho = rho * 2\nelse:\n    rho = rho / 2",
    "conditional expression": "rho = rho.std() * rho if rho.numel() > 1 else rho",
    "for over a range": "for i in range(3):\n    rho = rho + i * torch.tanh(rho)",
    "for over a tuple": "total = 0.0\nfor w in (0.1, 0.2):\n    total = total + w * rho\nrho = total",
    "comprehension": "rho = torch.stack([w * rho for w in (0.5, 1.0)]).sum(dim=0)",
    "generator in sum": "rho = sum(w * F.softplus(-rho) for w in (0.5, 1.0))",
    "appending to a list": "parts = []\nparts.append(rho)\nrho = torch.stack(parts).mean(0)",
    "no_grad": "with torch.no_grad():\n    w = torch.sigmoid(rho)\nrho = w * rho",
    "import inside": "import torch.nn.functional as G\nrho = G.relu(rho)",
    "lambda helper": "f = lambda x: torch.exp(-x)\nrho = f(beta * rho)",
    "nested function": "def f(x):\n    return x * beta\nrho = f(rho)",
    "math": "rho = rho * math.log(2.0) + math.pi",
    "special": "rho = torch.special.expit(rho) + torch.special.xlogy(rho, rho.abs() + 1)",
    "module object": "rho = nn.Softplus(beta=2.0)(rho) + torch.nn.LogSigmoid()(rho)",
    "dtype and device": "rho = rho + torch.zeros(rho.shape, dtype=rho.dtype, device=rho.device)",
    "finfo": "rho = rho.clamp(min=torch.finfo(rho.dtype).min)",
    "full functional path": "rho = torch.nn.functional.huber_loss(rho, rho.detach(), reduction='none') + rho",
    "boolean masks": "mask = ((rho > 0) & ~(rho > 5)).float()\nrho = rho * mask",
    "indexing to read": "rho = rho - rho[0] + rho[rho > rho.min()].sum()",
    "augmented local": "total = rho * 1\ntotal += beta\nrho = total",
    "assert": "assert rho.dim() == 1, 'one value per pair'",
    "quantile": "rho = rho - torch.quantile(rho.float(), 0.5).to(rho.dtype)",
    "einsum": "rho = torch.einsum('i,i->i', rho, rho)",
    "isinstance": "rho = rho if isinstance(rho, torch.Tensor) else torch.as_tensor(rho)",
    "negative exponent": "rho = (1 + rho ** 2) ** -0.5",
    "beta changed": "beta *= 2\nrho = beta * rho",
    "docstring": "'''The margin.'''",
    "ellipsis in an index": "rho = torch.stack((rho, rho), dim=1)[..., 0]",
    "one-sided clamps": "rho = rho.clamp_min(-10.0) + torch.clamp_max(rho, 10.0)",
    "methods less often used": "rho = rho.rad2deg().float_power(2).to(rho.dtype) + torch.isneginf(rho).float()",
    "assignment expression": "rho = (y := beta * rho) + y.mean()",
    "map and sorted": "rho = sum(map(lambda w: w * rho, sorted((0.5, 1.0))))",
}

# Names that mean something else outside the place where they stand.
SCOPES = {
    "value kept in loss": "loss = -F.logsigmoid(beta * rho)\nrho = loss",
    "value kept in losses of a branch": "if beta > 0:\n    loss = rho\nelse:\n    loss = -rho\nrho = loss",
    "value added to loss": "loss = beta * rho\nloss += rho\nrho = loss",
    "values of a tuple": "loss, margin = rho, rho\nrho = loss + margin",
    "comprehension variable": "rho = sum(loss * rho for loss in (0.5, 0.5))",
    "loop variable": "for loss in (0.5, 0.5):\n    rho = rho * loss",
    "helper's parameter": "def scaled(loss):\n    return loss * 2\nrho = scaled(rho)",
    "lambda's parameter": "f = lambda loss: loss * 2\nrho = f(rho)",
    "nested helper with its own local": "def scaled(x):\n    loss = x * 2\n    return loss\nrho = scaled(rho)",
    "helper's local named as another": "def g(x):\n    return x\ndef f(x):\n    g = x\n    return g\nrho = f(g(rho))",
    "two helpers that use one name": "def f(g):\n    return g\ndef g(f):\n    return f\nrho = f(g(rho))",
    "parameter that hides an import": "def f(F):\n    return F.relu()\nrho = f(rho)",
    "local that hides a constant of math": "def f(x):\n    math = x * 2\n    return math\nrho = f(rho)",
    "comprehension that hides an import": "rho = sum(F * rho for F in (0.5, 0.5)) + F.relu(rho)",
    "local that hides a built-in": "sum = rho * 2\nrho = sum",
    "import of the same name in a helper": (
        "def f(x):\n    import torch.special as F\n    return F.expit(x)\nrho = f(rho) + F.relu(rho)"
    ),
    "alias named as another helper's local": (
        "def f(x):\n    a = x * 2\n    a += 1\n    return a\na = policy_chosen_logps\nrho = f(rho) + a"
    ),
    "input's name for a result": "policy_chosen_logps = policy_chosen_logps * 2\npolicy_chosen_logps -= 1",
    "alias that became a result": "x = policy_chosen_logps\nx = x - reference_chosen_logps\nx *= beta\nrho = rho + x",
    "helper that is defined below": "def f(x):\n    return g(x)\ndef g(x):\n    return x\nrho = f(rho)",
    "helper under a second name": "def f(x):\n    return x * 2\nh = f\nrho = h(rho)",
    "default from outside": "k = 2\ndef f(x, k=1.0):\n    return k * x\nrho = f(rho)",
    "assignment in a comprehension": "rho = sum((last := w * rho) for w in (0.5, 1.0)) + last",
    "comprehension in a comprehension": "rho = sum(sum(w * rho for w in v) for v in ((0.5, 0.5),))",
}

BAD = {
    # files, processes, network
    "import os": "import os",
    "import sys as s": "import sys as s",
    "import numpy": "import numpy as np",
    "from os import path": "from os import path",
    "import torch.distributed": "import torch.distributed as dist",
    "import torch.utils": "import torch.utils.cpp_extension as c",
    "from torch import save": "from torch import save",
    "from torch import everything": "from torch import hub",
    "relative import": "from . import serve",
    "open": "open('/etc/passwd')",
    "print": "print(rho)",
    "input": "input()",
    "torch.load": "torch.load('x')",
    "torch.save": "torch.save(rho, 'x')",
    "torch.hub": "torch.hub.load('a', 'b')",
    "torch.ops": "torch.ops.aten.relu(rho)",
    "torch.classes": "torch.classes.load_library('x')",
    "torch._C": "torch._C._set_grad_enabled(False)",
    "torch.os": "torch.os.system('true')",
    "torch.serialization": "torch.serialization.load('x')",
    "functional's own imports": "F.importlib.import_module('os')",
    "functional's torch": "F.torch.load('x')",
    "math as a way out": "math.__loader__",
    # code at run time, introspection
    "eval": "eval('1')",
    "exec": "exec('1')",
    "compile": "compile('1', 'x', 'eval')",
    "__import__": "__import__('os')",
    "builtins": "__builtins__['open']('x')",
    "getattr": "getattr(torch, 'load')('x')",
    "setattr": "setattr(torch, 'relu', None)",
    "hasattr": "hasattr(rho, 'data')",
    "globals": "globals()['torch']",
    "vars": "vars(torch)",
    "type": "type(rho)('x', (), {})",
    "dunder class": "rho.__class__.__bases__",
    "dunder globals": "loss.__globals__",
    "function's code": "F.relu.__code__",
    "generator frame": "(x for x in rho).gi_frame.f_back",
    "dunder name": "__name__",
    "str format": "'{0.__class__}'.format(rho)",
    "f-string": "f'{rho.data_ptr()}'",
    "module as a value": "x = torch\nx.load('y')",
    "submodule as a value": "x = torch.nn\nx.functional",
    # memory, autograd, in place
    ".data": "rho = rho.data",
    ".grad": "policy_chosen_logps.grad",
    ".numpy": "rho.numpy()",
    ".storage": "rho.untyped_storage()",
    ".data_ptr": "rho.data_ptr()",
    ".backward": "rho.sum().backward()",
    ".requires_grad_": "rho.requires_grad_()",
    ".register_hook": "rho.register_hook(None)",
    "autograd.grad": "torch.autograd.grad(rho.sum(), policy_chosen_logps)",
    "set_grad_enabled": "torch.set_grad_enabled(False)",
    "enable_grad": "with torch.enable_grad():\n    rho = rho * 1",
    "with open": "with open('x') as f:\n    pass",
    "with as": "with torch.no_grad() as g:\n    rho = rho * 1",
    "relu_": "rho = rho.relu_()",
    "clamp_": "policy_chosen_logps.clamp_(max=0)",
    "copy_": "policy_chosen_logps.copy_(rho)",
    "item assignment": "rho[0] = 1.0",
    "masked assignment": "rho[rho < 0] *= 0.5",
    "attribute assignment": "rho.foo = 1",
    "augmented input": "policy_chosen_logps += 1",
    "augmented alias": "x = policy_chosen_logps\nx += 1",
    "augmented alias in a tuple": "a, b = policy_chosen_logps, beta\na -= 1",
    "out argument": "torch.exp(rho, out=policy_chosen_logps)",
    "inplace argument": "rho = F.relu(rho, inplace=True)",
    "empty": "rho = rho + torch.empty(3)",
    "uninitialised constructor": "rho = rho + torch.FloatTensor(3)",
    "as_strided": "rho = torch.as_strided(rho, (100,), (1,))",
    "from_numpy": "torch.from_numpy(rho)",
    "frombuffer": "torch.frombuffer(b'abcd')",
    "bytes": "x = b'abc'",
    # randomness
    "rand": "rho = rho + torch.rand(3)",
    "randn_like": "rho = rho + torch.randn_like(rho)",
    "bernoulli": "rho = torch.bernoulli(rho)",
    "normal_": "rho.normal_()",
    "dropout": "rho = F.dropout(rho)",
    "manual_seed": "torch.manual_seed(0)",
    "gumbel": "rho = F.gumbel_softmax(rho)",
    # state, control
    "while": "while rho.sum() > 0:\n    rho = rho - 1",
    "endless while": "while True:\n    pass",
    "try": "try:\n    rho = rho * 2\nexcept Exception:\n    pass",
    "raise": "raise ValueError('no')",
    "global": "global torch",
    "class": "class A:\n    pass",
    "del": "del rho",
    "yield": "yield rho",
    "walrus that hides an import": "rho = (F := rho) + F.data",
    "walrus of an input": "rho = (y := policy_chosen_logps) + 1\ny += 1",
    "star call": "torch.where(*[rho > 0, rho, rho])",
    "double star call": "torch.where(**{})",
    "lambda default": "f = lambda x, y=[]: x\nrho = f(rho)",
    "mutable default": "def f(x, y=[]):\n    return x\nrho = f(rho)",
    "evaluated default": "def f(x, y=torch.zeros(1)):\n    return x\nrho = f(rho)",
    "star parameters": "def f(*x):\n    return x[0]\nrho = f(rho)",
    "decorator": "@torch.no_grad()\ndef f(x):\n    return x\nrho = f(rho)",
    "recursion": "def f(x):\n    return f(x)\nrho = f(rho)",
    "mutual recursion": "def f(x):\n    return g(x)\ndef g(x):\n    return f(x)\nrho = f(rho)",
    "recursive lambda": "f = lambda x: f(x)\nrho = f(rho)",
    "recursion of the loss": "rho = loss(rho, rho, rho, rho, beta)",
    "recursion under a second name": "g = loss\nrho = g(rho, rho, rho, rho, beta)",
    "recursion from a nested function": "def f(x):\n    def g(y):\n        return f(y)\n    return g(x)\nrho = f(rho)",
    "recursion in a comprehension": "def f(x):\n    return sum(f(y) for y in x)\nrho = f(rho)",
    "recursion beside a parameter": "def f(x):\n    def g(f):\n        return f\n    return f(g(x))\nrho = f(rho)",
    "recursion through a loss's helper": "def f(x):\n    return loss(x, x, x, x, 1.0)\nrho = f(rho)",
    "import hidden by a later local": "F = F.relu(rho)\nrho = F",
    "helper hidden by a later local": "def g(x):\n    return x\ndef f(x):\n    g = g(x)\n    return g\nrho = f(rho)",
    "comprehension variable outside": "rho = sum(w * rho for w in (0.5, 1.0)) * w",
    "import that is two things": "import math as G\nimport torch as G\nrho = G.exp(rho)",
    "import and local in one function": "import math as G\nG = rho\nrho = G",
    "augmented alias of an alias": "x = policy_chosen_logps\ny = x\ny += 1",
    "augmented in a branch": "x = policy_chosen_logps\nif beta > 1:\n    x = rho\nx += 1",
    "long loop": "for i in range(1000000):\n    rho = rho",
    "undefined name": "rho = rho * tau",
    "numpy by name": "rho = np.exp(rho)",
    "self": "rho = self.beta * rho",
    "import rebound": "F = rho\nrho = F.data",
    "strange annotation": "x: torch.load('x') = 1",
    "match": "match beta:\n    case 1:\n        pass",
    "ellipsis as a value": "rho = rho if beta else ...",
    "set": "x = {1, 2}",
    "async": "async def f():\n    await g()",
}


@pytest.mark.parametrize("name", GOOD)
def test_accepts(name: str) -> None:
    assert [str(v) for v in violations(in_loss(GOOD[name]))] == []


@pytest.mark.parametrize("name", SCOPES)
def test_a_name_means_what_it_means_to_python(name: str) -> None:
    source = in_loss(SCOPES[name])
    assert [str(v) for v in violations(source)] == []
    namespace: dict[str, object] = {}
    exec(compile(source, name, "exec"), namespace)
    function = namespace["loss"]
    assert callable(function)
    assert function(*(torch.linspace(-3, -1, 4) * k for k in (1, 2, 3, 4)), 0.1).shape == (4,)


@pytest.mark.parametrize("source", [in_loss(body) for body in (GOOD | SCOPES | BAD).values() if "match" not in body])
def test_scopes_bind_the_names_that_pythons_own_symbol_table_binds(source: str) -> None:
    try:
        table = symtable.symtable(source, "loss", "exec")
    except SyntaxError:
        return  # as in: name 'torch' is used prior to global declaration
    expected, pending = [], [table]
    while pending:
        one = pending.pop()
        pending += one.get_children()
        if one.get_type() == "class":
            return  # refused whatever it binds
        if one.get_type() not in ("module", "function"):
            continue  # of annotations, from Python 3.14 on
        local = [s for s in one.get_symbols() if s.is_local() or one.get_type() == "module"]
        bound = {s.get_name() for s in local if s.is_assigned() or s.is_imported() or s.is_parameter()}
        expected.append(sorted(bound - {".0"}))  # a comprehension's first iterable
    found = [sorted(scope.names) for scope in Scopes(ast.parse(source)).all]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("name", BAD)
def test_refuses_with_line_and_reason(name: str) -> None:
    source = in_loss(BAD[name])
    found = violations(source)
    assert found, f"accepted: {BAD[name]}"
    first = source.count("\n", 0, source.index(RHO)) + 2  # the line below the margin
    lines = range(first, first + BAD[name].count("\n") + 1)
    assert any(v.code == "forbidden" and v.line in lines and ":" in v.message for v in found), [str(v) for v in found]


@pytest.mark.parametrize("path", CATALOGUE, ids=lambda path: path.stem)
def test_accepts_the_catalogue(path: Path) -> None:
    assert violations(path.read_text()) == []


MODULE_LEVEL = {
    "statement": ("torch.set_num_threads(8)\n", "outside a function"),
    "loop": ("for i in range(3):\n    pass\n", "outside a function"),
    "main": ("if __name__ == '__main__':\n    loss(1)\n", "outside a function"),
    "function written into torch": ("torch.relu = None\n", "assignment to .relu"),
    "class": ("class A:\n    pass\n", "outside a function"),
}


@pytest.mark.parametrize("name", MODULE_LEVEL)
def test_refuses_at_module_level(name: str) -> None:
    before, reason = MODULE_LEVEL[name]
    assert any(reason in v.message and v.line == 5 for v in violations(in_loss("pass", before)))


def test_refuses_state_kept_in_the_module() -> None:
    found = violations(in_loss("CALLS.append(1)\nrho = rho * len(CALLS)", "CALLS = []\n"))
    assert [v.message for v in found] == [".append to something that is not this function's own: a loss keeps no state"]


def test_accepts_constants_and_helpers_at_module_level() -> None:
    before = "TAU: float = 0.05\nWEIGHTS = (0.1, 0.9)\ndef f(x: Tensor, k: float = 2.0) -> Tensor:\n    return k * x\n"
    assert violations(in_loss("rho = f(rho) * TAU * WEIGHTS[0]", before)) == []


WHOLE = {
    "no function": ("x = 1\n", "empty"),
    "two losses": (in_loss("pass") + "\n" + SIGNATURE + "    return beta\n", "empty"),
    "fewer parameters": ("def loss(a, b):\n    return a\n", "signature"),
    "another order": (
        in_loss("pass").replace(
            "(policy_chosen_logps, policy_rejected_logps", "(policy_rejected_logps, policy_chosen_logps"
        ),
        "signature",
    ),
    "star": ("def loss(*args):\n    return args[0]\n", "signature"),
    "returns nothing": (SIGNATURE + "    x = beta\n", "type"),
    "returns only in a helper": (SIGNATURE + "    def f(x):\n        return x\n    x = f(beta)\n", "type"),
    "not Python": ("def loss(:\n", "syntax"),
    "bad indentation": ("def loss():\n    x = 1\n  y = 2\n", "syntax"),
    "null byte": ("x = '\0'\n", "syntax"),
    "huge number": ("x = " + "9" * 5000 + "\n", "syntax"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_refuses_the_whole_text(name: str) -> None:
    source, code = WHOLE[name]
    assert code in [v.code for v in violations(source)]


BOMBS = {
    "size": "x = 1\n" * LARGEST_SOURCE,
    "brackets": "x = " + "(" * 5000 + ")" * 5000,
    "unclosed brackets": "[" * 60_000,
    "unary": "x = " + "-" * 50_000 + "1",
    "not": "x = " + "not " * 10_000 + "1",
    "powers": "x = " + "a ** " * 10_000 + "1",
    "sum": "x = " + "a + " * 10_000 + "1",
    "lambdas": "x = " + "lambda: " * 8_000 + "1",
    "attributes": "x = a" + ".b" * 30_000,
    "calls": "x = a" + "()" * 30_000,
    "conditionals": "x = " + "a if b else " * 5_000 + "c",
    "elif": "if a:\n 1\n" + "elif a:\n 1\n" * 5_000,
    "indentation": "\n".join(" " * i + "if a:" for i in range(200)) + "\n" + " " * 200 + "1\n",
    "inside an f-string": "x = f'{" + "-" * 4_000 + "1}'\n",
    "strings": "x = " + "'a' " * 15_000,
    "statements": "a = 1;" * 10_000,
    "decorators": "@a\n" * 15_000 + "def f(): pass\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bounds_what_the_parser_is_given(name: str) -> None:
    with pytest.raises(LossRejected) as caught:
        parse(BOMBS[name])
    assert caught.value.code in ("syntax", "forbidden")


def test_reports_every_reason_at_once_in_order() -> None:
    found = violations(in_loss("print(rho)\nrho = rho.data\nwhile True:\n    pass"))
    assert [v.line for v in found] == [8, 9, 10]
    assert "autograd" in found[1].message and "use .detach()" in found[1].message
    assert all(v.code in REJECTION_CODES for v in found)


def test_says_what_to_use_instead_of_an_in_place_method() -> None:
    assert "use .clamp" in violations(in_loss("rho = rho.clamp_(min=0)"))[0].message
