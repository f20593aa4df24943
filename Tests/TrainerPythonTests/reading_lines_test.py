"""Lines that cannot change a loss's values are left out, what fails mechanically is mended; the rest is refused."""

from __future__ import annotations

import pytest
import torch
from losslab_trainer.screening.forms import to_file_form
from reading import DPO_CODE, HEAD, HINGE_CODE, MARGIN, NAMES, PAIRS, RHO, Case, check, computes, dpo, hinge, rho
from torch import Tensor


def before(lines: str, code: str = HINGE_CODE) -> str:
    """The loss with lines before its first."""
    return code.replace("    rho =", "".join(f"    {line}\n" for line in lines.splitlines()) + "    rho =", 1)


def shape_check(test: str) -> str:
    return before(f"if {test}:\n    raise ValueError('no')")


H = ("harmless",)
HARMLESS: dict[str, Case] = {
    "unused numpy": Case("import numpy as np\nimport torch\n" + HINGE_CODE, hinge),
    "unused numpy within": Case(before("import numpy as np"), hinge, H),
    "unused imports in the file form": Case(
        "import logging\nfrom dataclasses import dataclass\nimport torch\nfrom torch import Tensor\n\n\n" + HINGE_CODE,
        hinge,
    ),
    "from typing": Case("from typing import Literal, NamedTuple\nimport torch\n" + HINGE_CODE, hinge),
    "__all__": Case("import torch\n__all__ = ['loss']\n" + HINGE_CODE, hinge, H),
    "stray dots": Case(before("..."), hinge, H),
    "a stray string": Case(HINGE_CODE.replace("    return", "    'the hinge'\n    return"), hinge, H),
    "print": Case(HINGE_CODE.replace("    return", "    print('rho', rho.mean().item())\n    return"), hinge, H),
    "print with an f-string": Case(HINGE_CODE.replace("    return", "    print(f'rho {rho}')\n    return"), hinge, H),
    "print over lines": Case(HINGE_CODE.replace("    return", "    print(\n        rho,\n    )\n    return"), hinge, H),
    "print beside another statement": Case(HINGE_CODE.replace("    return", "    print(rho); return"), hinge, H),
    "print in a branch": Case(
        HINGE_CODE.replace("    return", "    if beta > 1:\n        print(rho)\n    return"), hinge, H
    ),
    "logging": Case(
        "import logging\nlogger = logging.getLogger(__name__)\n" + before("logger.info('start %s', beta)"), hinge, H
    ),
    "warnings": Case("import warnings\n" + before("warnings.warn('careful')"), hinge, H),
    "an assert with an f-string": Case(before("assert beta > 0, f'beta is {beta}'"), hinge, H),
    "an assert in brackets": Case(before("assert (beta > 0), f'beta is {beta}'"), hinge, H),
    "an assert about shapes": Case(
        before("assert policy_chosen_logps.shape == policy_rejected_logps.shape, f'{policy_chosen_logps.shape}'"),
        hinge,
        H,
    ),
    "a shape check": Case(shape_check("policy_chosen_logps.shape != policy_rejected_logps.shape"), hinge, H),
    "a check of dimensions": Case(
        shape_check("policy_chosen_logps.dim() != 1 or len(policy_rejected_logps) == 0"), hinge, H
    ),
    "a type check": Case(shape_check("not isinstance(policy_chosen_logps, torch.Tensor)"), hinge, H),
    "a check of types in a loop": Case(
        shape_check("not all(isinstance(t, torch.Tensor) for t in (policy_chosen_logps, policy_rejected_logps))"),
        hinge,
        H,
    ),
    "a check for None": Case(shape_check("policy_chosen_logps is None"), hinge, H),
    "a check of beta": Case(shape_check("beta <= 0"), hinge, H),
    "del": Case(HINGE_CODE.replace("    return", "    x = rho\n    del x\n    return"), hinge, H),
    "autocast off": Case(
        HEAD
        + "    with torch.autocast(device_type='cuda', enabled=False):\n    "
        + RHO
        + "        x = torch.relu(1 - beta * rho)\n    return x\n",
        hinge,
        H,
    ),
    "cuda's autocast off": Case(
        HEAD
        + "    with torch.cuda.amp.autocast(enabled=False):\n    "
        + RHO
        + "        return torch.relu(1 - beta * rho)\n",
        hinge,
        H,
    ),
    "gradients on": Case(
        HEAD + "    with torch.enable_grad():\n    " + RHO + "        return torch.relu(1 - beta * rho)\n", hinge, H
    ),
    "a walrus": Case(MARGIN + "    return torch.relu(1 - (x := beta * rho))\n", hinge, ("walrus",)),
    "two walruses": Case(MARGIN + "    y = (x := beta * rho) + (z := 0.0)\n    return torch.relu(1 - x - z)\n", hinge),
    "a walrus in a condition": Case(
        MARGIN + "    if (x := beta * rho).dim() == 1:\n        return torch.relu(1 - x)\n    return x\n",
        hinge,
        ("walrus",),
    ),
    "last of two": Case(
        MARGIN + "    x = torch.stack([1 - beta * rho, rho], dim=-1)\n    return torch.relu(x[..., 0])\n",
        hinge,
        ("ellipsis",),
    ),
    "a new axis": Case(MARGIN + "    return torch.relu(1 - beta * rho)[..., None].squeeze(-1)\n", hinge, ("ellipsis",)),
    "clamp_min": Case(MARGIN + "    return (1 - beta * rho).clamp_min(0)\n", hinge, ("spelling",)),
    "torch.clamp_min": Case(MARGIN + "    return torch.clamp_min(1 - beta * rho, 0.0)\n", hinge, ("spelling",)),
    "clamp_min with brackets": Case(MARGIN + "    return (1 - beta * rho).clamp_min((0))\n", hinge, ("spelling",)),
    "clamp_max": Case(MARGIN + "    return -(beta * rho - 1).clamp_max(0)\n", hinge, ("spelling",)),
    "torch.logsigmoid": Case(MARGIN + "    return -torch.logsigmoid(beta * rho)\n", dpo, ("spelling", "imports")),
    "torch.log_sigmoid": Case(MARGIN + "    return -torch.log_sigmoid(beta * rho)\n", dpo, ("spelling",)),
    "torch.softplus": Case(MARGIN + "    return torch.softplus(-beta * rho)\n", dpo, ("spelling",)),
    "a method logsigmoid": Case(MARGIN + "    return -(beta * rho).logsigmoid()\n", dpo, ("spelling",)),
    "F.log and F.exp": Case(MARGIN + "    return F.log(1 + F.exp(-beta * rho))\n", dpo, ("spelling",)),
    "torch.logsigmoid beside another F": Case(
        before("F = 1.0", MARGIN + "    return -torch.logsigmoid(F * beta * rho)\n"), dpo, ("spelling",)
    ),
    "functional under another name": Case(
        "import torch.nn.functional as nnf\n"
        + MARGIN
        + "    return -torch.logsigmoid(beta * rho) + nnf.relu(rho) * 0\n",
        dpo,
    ),
    "numpy's pi": Case(
        "import numpy as np\n" + MARGIN + "    return torch.relu(1 - beta * rho * np.pi / np.pi)\n", hinge
    ),
    "numpy's log of a number": Case(
        "import numpy as np\n" + MARGIN + "    return torch.relu(1 - beta * rho + np.log(1.0))\n", hinge, ("spelling",)
    ),
    "numpy's log of a number, not imported": Case(
        MARGIN + "    return torch.relu(1 - beta * rho + np.log(1.0))\n", hinge
    ),
    "two definitions": Case(DPO_CODE + "\n\n" + HINGE_CODE, hinge, ("trimmed",)),
    "a lambda": Case(
        f"loss = lambda {NAMES}, beta: torch.relu(1 - beta * ({RHO.split('=')[1].strip()}))\n", hinge, ("lambda",)
    ),
    "a lambda with another name": Case(
        "f = lambda pc, pr, rc, rr, beta=0.1: F.relu(1 - beta * (pc - pr - rc + rr))\n", hinge
    ),
    "self without self": Case(HINGE_CODE.replace("beta *", "self.beta *").replace(", beta)", ")"), hinge, ("free",)),
    "args.beta": Case(HINGE_CODE.replace("beta *", "args.beta *").replace(", beta)", ")"), hinge, ("free",)),
    "no import at all": Case(DPO_CODE, dpo, ("imports",)),
    "math, never imported": Case(MARGIN + "    return torch.relu(math.exp(0.0) - beta * rho)\n", hinge, ("imports",)),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_lines_and_spellings_are_mended(name: str) -> None:
    case = HARMLESS[name]
    form = check(case)
    assert form is not None
    again = to_file_form(form.source)
    assert again.source == form.source and again.forms == ["file"]


REFUSED: dict[str, Case] = {
    "numpy on tensors": Case("import numpy as np\n" + MARGIN + "    return np.log(rho)\n", "forbidden"),
    "print that changes": Case(
        HINGE_CODE.replace("    return", "    print(rho.add_(1))\n    return"), "forbidden", line=3
    ),
    "print of an assignment": Case(
        HINGE_CODE.replace("    return", "    print(y := 2)\n    return"), "forbidden", line=3
    ),
    "del of an item": Case(
        HINGE_CODE.replace("    return", "    x = [1]\n    del x[0]\n    return"), "forbidden", line=4
    ),
    "raise on values": Case(before("if policy_chosen_logps.mean() > 0:\n    raise ValueError()"), "forbidden", line=3),
    "raise with an else": Case(
        before("if beta <= 0:\n    raise ValueError()\nelse:\n    beta = 2 * beta"), "forbidden", line=3
    ),
    "autocast on": Case(before("with torch.autocast('cuda'):\n    x = 1"), "forbidden", line=2),
    "gradients on within none": Case(
        before("with torch.no_grad():\n    with torch.enable_grad():\n        x = 1"), "forbidden", line=3
    ),
    "try": Case(before("try:\n    x = 1\nexcept Exception:\n    x = 2"), "forbidden", line=2),
    "an import that is used": Case("import os\n" + HINGE_CODE.replace("1 -", "os.getpid() -"), "forbidden"),
    "a log call that is no log call": Case(before("logger.append(1)"), "forbidden", line=2),
    "another attribute of self": Case(
        f"def f(self, {NAMES}):\n{RHO}    return self.alpha * rho\n", "signature", line=3
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_change_the_values_is_refused_with_its_line(name: str) -> None:
    check(REFUSED[name])


def squared(pc: Tensor, pr: Tensor, rc: Tensor, rr: Tensor, beta: float) -> Tensor:
    return (rho(pc, pr, rc, rr) - 1 / (2 * beta)) ** 2


R = ("reduced",)
HELPER = "def bent(x):\n    y = 1 - x\n    return torch.relu(y)\n\n"
REDUCED: dict[str, Case] = {
    "method mean": Case(MARGIN + "    return torch.relu(1 - beta * rho).mean()\n", hinge, R),
    "negated mean": Case(MARGIN + "    return -F.logsigmoid(beta * rho).mean()\n", dpo, R),
    "torch.mean": Case(MARGIN + "    return torch.mean(torch.relu(1 - beta * rho))\n", hinge, R),
    "torch.mean in brackets": Case(MARGIN + "    return torch.mean((torch.relu((1 - beta * rho))))\n", hinge, R),
    "sum": Case(MARGIN + "    return torch.relu(1 - beta * rho).sum()\n", hinge, R),
    "torch.sum over the batch": Case(MARGIN + "    return torch.sum(torch.relu(1 - beta * rho), dim=0)\n", hinge, R),
    "mean over the last": Case(MARGIN + "    return torch.relu(1 - beta * rho).mean(-1)\n", hinge, R),
    "mean of a name": Case(MARGIN + "    losses = torch.relu(1 - beta * rho)\n    return losses.mean()\n", hinge, R),
    "mean kept in a name": Case(
        MARGIN + "    losses = torch.relu(1 - beta * rho)\n    total = losses.mean()\n    return total\n", hinge, R
    ),
    "mean kept in the same name": Case(
        MARGIN + "    value = torch.relu(1 - beta * rho)\n    value = value.mean()\n    return value\n", hinge, R
    ),
    "mean of a sum": Case(MARGIN + "    return torch.relu(1 - beta * rho).sum().mean()\n", hinge, R),
    "mean with a factor": Case(MARGIN + "    return 0.5 * torch.relu(2 - 2 * beta * rho).mean()\n", hinge, R),
    "mean by a number": Case(MARGIN + "    return torch.relu(2 - 2 * beta * rho).mean() / 2\n", hinge, R),
    "two means": Case(
        MARGIN + "    return torch.relu(1 - beta * rho).mean() + 0.1 * rho.mean()\n",
        lambda pc, pr, rc, rr, beta: hinge(pc, pr, rc, rr, beta) + 0.1 * rho(pc, pr, rc, rr),
        R,
    ),
    "mean and a term of the batch": Case(
        MARGIN + "    return torch.relu(1 - beta * rho).mean() + 0.1 * rho.std()\n",
        lambda pc, pr, rc, rr, beta: hinge(pc, pr, rc, rr, beta) + 0.1 * rho(pc, pr, rc, rr).std(),
        R,
    ),
    "mean of rewards beside": Case(
        MARGIN + "    losses = torch.relu(1 - beta * rho)\n    return losses.mean(), (beta * rho).detach()\n",
        hinge,
        ("reduced", "tuple"),
    ),
    "by a helper": Case(HELPER + MARGIN + "    return bent(beta * rho).mean()\n", hinge, R),
    "by a wrapper": Case(
        HINGE_CODE + f"\ndef mean_of({NAMES}, beta):\n    return loss({NAMES}, beta).mean()\n", hinge, R
    ),
    "by a choice": Case(
        f"def f({NAMES}, beta, reduction='mean'):\n{RHO}    losses = torch.relu(1 - beta * rho)\n"
        "    if reduction == 'mean':\n        return losses.mean()\n    elif reduction == 'sum':\n"
        "        return losses.sum()\n    return losses\n",
        hinge,
        R,
    ),
    "mse_loss": Case(MARGIN + "    return F.mse_loss(rho, torch.full_like(rho, 1 / (2 * beta)))\n", squared, R),
    "binary cross entropy": Case(
        MARGIN + "    x = beta * rho\n    return F.binary_cross_entropy_with_logits(x, torch.ones_like(x))\n", dpo, R
    ),
    "binary cross entropy, told to sum": Case(
        MARGIN
        + "    x = beta * rho\n    return F.binary_cross_entropy_with_logits(x, torch.ones_like(x), reduction='sum')\n",
        dpo,
        R,
    ),
    "in a class": Case(
        f"class A(nn.Module):\n    def forward(self, {NAMES}):\n    {RHO}"
        "        losses = torch.relu(1 - self.beta * rho)\n        return losses.mean()\n",
        hinge,
        ("class", "reduced"),
    ),
}


@pytest.mark.parametrize("name", REDUCED)
def test_a_final_mean_or_sum_is_taken_off(name: str) -> None:
    check(REDUCED[name])


UNTOUCHED = {
    "a mean within": "    return torch.relu(1 - beta * (rho - rho.mean()))\n",
    "a mean of a stack": "    return torch.stack([torch.relu(1 - beta * rho), rho * 0]).sum(0)\n",
    "a product of means": "    return torch.relu(1 - beta * rho) * rho.mean() * rho.mean()\n",
    "a softmax over the batch": "    return torch.softmax(rho, dim=0) * torch.relu(1 - beta * rho)\n",
}


@pytest.mark.parametrize("name", UNTOUCHED)
def test_other_means_stay(name: str) -> None:
    text = MARGIN + UNTOUCHED[name]
    form = to_file_form(text)
    assert "reduced" not in form.forms
    namespace: dict[str, object] = {}
    exec("import torch\nimport torch.nn.functional as F\n" + text, namespace)
    original = namespace["loss"]
    assert callable(original)
    computes(form.source, original)


UNPLAIN = {
    "a mean of a mean": "    return (rho.mean() * rho.mean())\n",
    "a mean over a matrix": "    return torch.relu(1 - beta * rho[:, None] + rho[None, :]).mean()\n",
    "a sum and a number": "    return torch.relu(1 - beta * rho).sum() + 1.0\n",
    "a mean that is used twice": "    m = torch.relu(rho).mean()\n    return m * m\n",
}


@pytest.mark.parametrize("name", UNPLAIN)
def test_a_value_for_all_pairs_stays_what_it_is(name: str) -> None:
    form = to_file_form(MARGIN + UNPLAIN[name])
    assert "reduced" not in form.forms
    namespace: dict[str, object] = {}
    exec(form.source, namespace)
    loss = namespace["loss"]
    assert callable(loss)
    assert loss(*PAIRS, 0.1).shape == torch.Size([])


LOCAL = "    loss = -F.logsigmoid(beta * rho)\n    return loss\n"
LOCALS: dict[str, str] = {
    "in a function of that name": MARGIN + LOCAL,
    "in a function of another name": MARGIN.replace("def loss", "def dpo_like") + LOCAL,
    "in a method": f"class A:\n    def forward(self, {NAMES}):\n    {RHO}"
    + LOCAL.replace("    ", "        ").replace("beta *", "self.beta *"),
    "with a helper of that name": "def loss(x):\n    return x * 0\n\n"
    + MARGIN.replace("def loss", "def dpo_like")
    + LOCAL,
    "reduced": MARGIN + LOCAL.replace("    return", "    loss = loss.mean()\n    return"),
    "in a comprehension": MARGIN.replace("def loss", "def f")
    + "    parts = [loss for loss in (-F.logsigmoid(beta * rho), rho * 0)]\n    return parts[0]\n",
    "as a parameter of a lambda": MARGIN.replace("def loss", "def f")
    + "    negative = lambda loss: -loss\n    return negative(F.logsigmoid(beta * rho))\n",
}


@pytest.mark.parametrize("name", LOCALS)
def test_a_local_variable_called_loss_stays_local(name: str) -> None:
    computes(to_file_form(LOCALS[name]).source, dpo)


def test_only_real_references_to_a_helper_called_loss_are_renamed() -> None:
    text = (
        "def loss(x):\n    return torch.relu(x)\n\n\ndef bent"
        + MARGIN[8:]
        + "    first = loss(1 - beta * rho)\n    parts = [loss for loss in (first, rho)]\n"
        + "    take = lambda loss: loss * 1.0\n    return take(parts[0])\n"
    )
    form = to_file_form(text)
    computes(form.source, hinge)
    assert "base_loss(1 - beta * rho)" in form.source and "lambda loss: loss * 1.0" in form.source
