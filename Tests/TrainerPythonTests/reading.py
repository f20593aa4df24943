"""What the tests of reading replies share: pairs on which two losses differ if they differ at all, and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from losslab_trainer.contract import LossRejected
from losslab_trainer.screening.extract import FILE, Reply
from losslab_trainer.screening.forms import FileForm, to_file_form
from losslab_trainer.screening.gate import violations
from torch import Tensor
from torch.nn import functional

Formula = Callable[[Tensor, Tensor, Tensor, Tensor, float], Tensor]
BETA = 0.3
NAMES = "policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps"
HEAD = f"def loss({NAMES}, beta):\n"
RHO = "    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)\n"
MARGIN = HEAD + RHO  # followed by a return
DPO_CODE = MARGIN + "    return -F.logsigmoid(beta * rho)\n"
HINGE_CODE = MARGIN + "    return torch.relu(1 - beta * rho)\n"

_GENERATOR = torch.Generator().manual_seed(11)
PAIRS = [-4 * torch.rand(7, generator=_GENERATOR, dtype=torch.float64) for _ in range(4)]


def rho(pc: Tensor, pr: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    return pc - pr - rc + rr


def dpo(pc: Tensor, pr: Tensor, rc: Tensor, rr: Tensor, beta: float) -> Tensor:
    return -functional.logsigmoid(beta * rho(pc, pr, rc, rr))


def hinge(pc: Tensor, pr: Tensor, rc: Tensor, rr: Tensor, beta: float) -> Tensor:
    return torch.relu(1 - beta * rho(pc, pr, rc, rr))


def lopsided(pc: Tensor, pr: Tensor, rc: Tensor, rr: Tensor, beta: float) -> Tensor:
    """Another value for every other order of the four."""
    return functional.softplus(beta * (2 * pr - pc - 3 * rc + 5 * rr))


@dataclass(frozen=True)
class Case:
    """A text, and the formula that it is meant to compute or the code of its refusal."""

    text: str
    meant: Formula | str
    forms: tuple[str, ...] = ()
    reply: Reply = FILE
    name: str | None = None
    line: int | None = None


def check(case: Case) -> FileForm | None:
    """Reads the text as screening does and compares values, or the reason."""
    try:
        form = to_file_form(case.text, reply=case.reply)
        refused = violations(form.source)
        if refused:
            raise LossRejected(refused[0].code, refused[0].message, form.original_line(refused[0].line))
    except LossRejected as rejection:
        assert case.meant == rejection.code, f"{rejection}\n{case.text}"
        if case.line is not None:
            assert rejection.line == case.line
        return None
    assert not isinstance(case.meant, str), f"accepted, not {case.meant}:\n{form.source}"
    computes(form.source, case.meant)
    missing = set(case.forms) - set(form.forms)
    assert not missing, f"{missing} are not among {form.forms}"
    if case.name is not None:
        assert form.name == case.name
    assert len(form.original_lines) == form.source.count("\n")
    return form


def computes(source: str, formula: Formula, pairs: Sequence[Tensor] = PAIRS, beta: float = BETA) -> None:
    namespace: dict[str, object] = {}
    exec(source, namespace)
    loss = namespace["loss"]
    assert callable(loss)
    values = loss(*pairs, beta)
    assert isinstance(values, Tensor) and values.shape == pairs[0].shape, f"{values}\n{source}"
    assert torch.allclose(values, formula(pairs[0], pairs[1], pairs[2], pairs[3], beta), rtol=1e-6), source
