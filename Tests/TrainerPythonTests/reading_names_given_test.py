"""What a loss is called, what counts as an echo of the prompt, and what the worker's check makes of a reply."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from losslab_trainer.contract import LossRejected
from losslab_trainer.loss_process import LossProcesses
from losslab_trainer.screening import reply_names
from losslab_trainer.screening.extract import Reply
from losslab_trainer.screening.forms import to_file_form
from losslab_trainer.screening.job import check
from losslab_trainer.serve import Context
from reading import DPO_CODE, HINGE_CODE, MARGIN, NAMES, Case, dpo, hinge
from reading import check as compare

TEMPLATE = '{"thought": "why", "name": "short-lower-case-name", "code": "import torch\\n...the whole function..."}'
CONTRACT = f"def loss({NAMES}, beta):\n    ...\n"
PROMPT = (
    f"Write one new loss. Earlier ones:\n\nname: dpo\n{DPO_CODE}\nIts form:\n\n{CONTRACT}\n"
    f"Answer with one JSON object.\n\n{TEMPLATE}\n"
)

NAMED = {
    "SmoothMargin": "smooth-margin",
    "smooth_margin": "smooth_margin",
    "**Tanh Hinge**": "tanh-hinge",
    "Glätte": "glatte",
    "hinge_loss": "hinge_loss",
    "short-lower-case-name": None,
    "loss": None,
    "my_loss": None,
    "new_dpo_loss_v2": None,
    "loss_v3": None,
    "Improved Loss": None,
    "none": None,
    "...": None,
    "": None,
    "dpo": None,
    "损失": None,
}


@pytest.mark.parametrize("name", NAMED)
def test_a_name_is_kept_where_it_says_something(name: str) -> None:
    assert reply_names.worth_keeping(name) == NAMED[name]


def test_a_name_of_the_prompt_is_not_kept() -> None:
    assert reply_names.worth_keeping("slic", "Earlier losses: slic, ipo") is None
    assert reply_names.worth_keeping("slic-tail", "Earlier losses: slic, ipo") == "slic-tail"


MADE = {
    "    return -F.logsigmoid(beta * rho) + torch.tanh(rho)\n": "logsigmoid-tanh",
    "    return F.softplus(1 - beta * rho) ** 2\n": "softplus-square",
    "    return -beta * rho\n": "linear",
    "    x = torch.exp(-beta * rho).clamp(max=3)\n    return torch.log1p(x)\n": "exp-clamp-log1p",
}


@pytest.mark.parametrize("body", MADE)
def test_a_name_is_made_from_what_the_loss_computes(body: str) -> None:
    form = to_file_form(f"```python\n{MARGIN}{body}```", reply=Reply(prompt=PROMPT))
    assert form.name == MADE[body] and not form.is_named and f"# name: {MADE[body]}\n" in form.source


def test_a_made_name_is_none_of_the_prompt() -> None:
    form = to_file_form(HINGE_CODE, reply=Reply(prompt="name: relu\nname: relu-2\n"))
    assert form.name == "relu-3"


PLACES = {
    "json": json.dumps({"name": "bent", "thought": "t", "code": HINGE_CODE}),
    "a line": f"**Name:** bent\n```python\n{HINGE_CODE}```",
    "a tag": f"<name>bent</name><code>\n{HINGE_CODE}</code>",
    "a header": f"```python\n# ---\n# name: bent\n# ---\n{HINGE_CODE}```",
    "the function": f"```python\n{HINGE_CODE.replace('def loss', 'def bent')}```",
    "a class": f"class Bent(nn.Module):\n  def forward(self, {NAMES}):\n    return torch.relu(1 - self.beta * "
    "(policy_chosen_logps - policy_rejected_logps - reference_chosen_logps + reference_rejected_logps))\n",
}


@pytest.mark.parametrize("place", PLACES)
def test_the_name_stands_in_many_places(place: str) -> None:
    compare(Case(PLACES[place], hinge, name="bent"))
    assert to_file_form(PLACES[place], "given").name == "given"


def test_the_thought_is_told() -> None:
    assert to_file_form(PLACES["json"]).thought == "t"
    text = f"DPO is\n```python\n{DPO_CODE}```\nI bend it,\nat the margin:\n```python\n{HINGE_CODE}```\nGood?"
    assert to_file_form(text).thought == "I bend it,\nat the margin:"
    assert to_file_form("It is bounded.\n\n" + HINGE_CODE).thought == "It is bounded."
    assert to_file_form(HINGE_CODE).thought is None


ECHOES = {
    "the template": TEMPLATE,
    "the template in a fence": f"```json\n{TEMPLATE}\n```",
    "the template with another name": TEMPLATE.replace("short-lower-case-name", "new-loss"),
    "the contract": f"```python\n{CONTRACT}```",
    "the question": "Write one new loss. Earlier ones:",
    "a loss of the prompt": f"```python\n{DPO_CODE}```",
    "a loss of the prompt, renamed": DPO_CODE.replace("def loss", "def brand_new"),
    "a loss of the prompt with a docstring": DPO_CODE.replace(
        "    rho", '    """Much better."""\n    # so\n    rho', 1
    ),
    "a loss of the prompt in other quotes": json.dumps({"name": "fresh", "code": DPO_CODE}),
    "a loss of the prompt, twice": f"```python\n{DPO_CODE}```\n```python\n{DPO_CODE}```",
}


@pytest.mark.parametrize("name", ECHOES)
def test_an_echo_is_none_of_the_models_losses(name: str) -> None:
    result = check({"source": ECHOES[name], "shown": [DPO_CODE], "prompt": PROMPT}, cast(Context, None))
    code = "copied" if name.startswith("a loss") else "echoed"
    assert [r["code"] for r in cast(list[dict[str, object]], result["rejections"])] == [code], result
    assert result["name"] not in ("short-lower-case-name", "dpo")


@pytest.mark.parametrize(
    ("text", "code"),
    [("I would add a margin to the logistic loss.", "no-code"), ("", "empty"), ("<think>\nhm", "thoughts-only")],
)
def test_what_only_holds_no_code_is_no_echo(text: str, code: str) -> None:
    result = check({"source": text, "shown": [DPO_CODE], "prompt": PROMPT}, cast(Context, None))
    assert [r["code"] for r in cast(list[dict[str, object]], result["rejections"])] == [code]
    assert result["source"] is None and result["thought"] is None


def test_a_loss_beside_an_echo_is_the_answer() -> None:
    reply = Reply(shown=(DPO_CODE,), prompt=PROMPT)
    compare(Case(f"```python\n{HINGE_CODE}```\nIt improves on\n```python\n{DPO_CODE}```", hinge, reply=reply))
    compare(Case(f"```python\n{DPO_CODE}\n\n{HINGE_CODE.replace('def loss', 'def bent')}```", hinge, reply=reply))


WHOLE = {
    "fenced": (f"So:\n\n```python\n{HINGE_CODE}```\nGood.", Reply(True)),
    "json": (json.dumps({"name": "bent", "code": HINGE_CODE, "note": "x"}), Reply(True)),
    "json with raw line breaks": ('{"name": "bent", "code": "' + HINGE_CODE + '"}', Reply(True)),
    "bare": (HINGE_CODE + "\n\nprint(1)\n", Reply(True)),
    "completion": (
        HINGE_CODE.replace("def loss", "def loss_v2") + "\n\n" + DPO_CODE.replace("def loss", "def loss_v3"),
        Reply(True, (), "def loss_v2("),
    ),
    "tagged": (f"<code>\n{HINGE_CODE}</code>", Reply(True)),
    "after a baseline": (f"```python\n{DPO_CODE}```\nMine:\n```python\n{HINGE_CODE}```\n", Reply(True)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_however_a_reply_is_cut_it_is_never_another_loss(name: str) -> None:
    text, reply = WHOLE[name]
    accepted = 0
    for length in range(0, len(text) + 1, 2):
        try:
            form = to_file_form(text[:length], reply=reply)
        except LossRejected:
            continue
        accepted += 1
        before_mine = name == "after a baseline" and length < text.index("Mine:\n```") + len("Mine:\n```")
        compare(Case(text[:length], dpo if before_mine else hinge, reply=reply))
        assert form.source
    assert accepted > 0


@pytest.fixture(scope="module")
def processes() -> Iterator[LossProcesses]:
    worker = os.environ.get("LOSSLAB_WORKER")
    if worker is None or not Path(worker).exists():
        pytest.skip("no worker: set LOSSLAB_WORKER to a built losslab-worker")
    running = LossProcesses.start(worker)
    yield running
    running.close()


@pytest.mark.slow
def test_the_measured_shape_is_part_of_a_made_name(processes: LossProcesses) -> None:
    context = cast("Context", SimpleNamespace(loss_processes=processes))
    body = (
        "    gap = policy_chosen_logps - policy_rejected_logps\n"
        "    return F.softplus(-beta * (gap - 0.1 * gap.detach().mean()))\n"
    )
    result = check({"source": f"A batch's mean.\n```python\ndef loss({NAMES}, beta):\n{body}```"}, context)
    assert result["accepted"], result["rejections"]
    assert result["name"] == "batch-softplus-reference-free" and result["thought"] == "A batch's mean."
    assert "# name: batch-softplus-reference-free\n" in str(result["source"])
    given = check({"source": f"def loss({NAMES}, beta):\n{body}", "name": "mine"}, context)
    assert given["name"] == "mine"
