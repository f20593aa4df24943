"""What reading leaves out of a text, and what it writes otherwise, is listed with the line of the text."""

from __future__ import annotations

from pathlib import Path

import pytest
from losslab_trainer.contract import LossRejected
from losslab_trainer.screening import gate
from losslab_trainer.screening.extract import Reply
from losslab_trainer.screening.forms import to_file_form

NAMES = "policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps"
RHO = "(policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)"
CLASS = f"""import torch.nn.functional as F

class Margin(torch.nn.Module):
    tau = 0.7
    print("ready")
    scale = 2.0

    def __init__(self, beta=0.2, gamma=0.5, smoothing=0.1):
        super().__init__()
        self.beta = beta
        self.gamma = gamma
        self.smoothing = smoothing

    def helper(self, x):
        return x * self.gamma

    def other(self):
        y = 1
        return y

    def forward(self, {NAMES}):
        rho = {RHO}
        return (-F.logsigmoid(self.beta * self.helper(rho)) * self.scale).mean(), rho

print(Margin())
"""
FUNCTION = f"""Here it is:

```python
def margin({NAMES}, beta=0.1, eps=1e-6, reg=0.3):
    '''A margin.'''
    import numpy as np
    print(beta)
    if beta <= 0:
        raise ValueError("beta")
    # The margin.
    return torch.nn.functional.softplus(-beta * ({RHO})) + eps
```

And how to call it:

```python
def example():
    return margin(1, 2, 3, 4)
```
"""


def test_a_class_body_and_its_defaults_are_listed() -> None:
    form = to_file_form(CLASS)
    assert list(form.removed) == [
        "line 4: `tau = 0.7`",
        "line 5: `print('ready')`",
        "line 8: the default `beta=0.2`",
        "line 8: the default `smoothing=0.1`",
        "line 12: `self.smoothing = smoothing`",
        "line 17: `def other(self):` and 2 more lines",
        "line 25: `print(Margin())`",
    ]
    assert list(form.rewritten) == [
        "line 6: `scale = 2.0` is read as `SCALE = 2.0`",
        "line 14: `def helper(self, x):` is read as `def helper(x):`",
        "line 15: `return x * self.gamma` is read as `return x * GAMMA`",
        "line 23: `return (-F.logsigmoid(self.beta * self.helper(rho)) * self.scale).mean(), rho` is read as "
        "`return ((-F.logsigmoid(beta * helper(rho)) * SCALE))`",
    ]


def test_a_function_s_defaults_checks_and_what_stands_beside_it_are_listed() -> None:
    form = to_file_form(FUNCTION, reply=Reply())
    assert list(form.removed) == [
        "line 4: the default `beta=0.1`",
        "line 4: the default `reg=0.3`",
        "line 7: `print(beta)`",
        "line 8: `if beta <= 0:` and 1 more line",
        "line 17: `def example():`, elsewhere in the reply",
    ]
    assert form.rewritten == ()


def test_the_line_of_a_refusal_is_the_text_s_also_behind_what_was_left_out() -> None:
    form = to_file_form(f"def loss({NAMES}, beta):\n    print(1)\n    print(2)\n    return open('x')\n")
    refused = gate.violations(form.source)[0]
    assert isinstance(refused, LossRejected) and form.original_line(refused.line) == 4


@pytest.mark.parametrize("path", sorted((Path(__file__).resolve().parents[2] / "losses").glob("*/*.py")))
def test_nothing_is_left_out_of_a_loss_file(path: Path) -> None:
    form = to_file_form(path.read_text())
    assert (form.removed, form.rewritten) == ((), ())


def test_the_lists_are_bounded() -> None:
    text = f"def loss({NAMES}, beta):\n" + "    print(1)\n" * 50 + f"    return {RHO}\n"
    removed = to_file_form(text).removed
    assert len(removed) == 21 and removed[-1] == "30 more"
    long = to_file_form(f"def loss({NAMES}, beta):\n    print({'1 + ' * 100}1)\n    return {RHO}\n").removed
    assert len(long) == 1 and len(long[0]) < 140
