"""Replies of real models, each with an independent verdict: no sound one is refused and no broken one accepted."""

from __future__ import annotations

import json
import os
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from corpus_oracle import judge
from corpus_replies import Corpus, Reply, checked
from losslab_trainer.loss_process import LossProcesses

pytestmark = pytest.mark.slow

PYTHON_PATH = Path(__file__).parents[2] / "Sources/Trainer/python"
CORPUS = Corpus.read()


@pytest.fixture(scope="module")
def worker() -> str:
    path = os.environ.get("LOSSLAB_WORKER")
    if path is None:
        pytest.skip("no worker: set LOSSLAB_WORKER to a built losslab-worker")
    return path


@pytest.fixture(scope="module")
def faults(worker: str) -> dict[str, str]:
    return CORPUS.faults(checked(worker, CORPUS.replies, PYTHON_PATH))


@pytest.fixture(scope="module")
def processes(worker: str) -> Iterator[LossProcesses]:
    started = LossProcesses.start(worker)
    yield started
    started.close()


@pytest.mark.parametrize("reply", CORPUS.replies, ids=lambda reply: reply.id)
def test_screening_agrees_with_the_oracle(reply: Reply, faults: dict[str, str]) -> None:
    """But for the listed misses; one that is no miss any more leaves the list."""
    if reply.id in CORPUS.misses:
        assert reply.id in faults, "no longer a miss: take it from misses.json"
    else:
        assert reply.id not in faults, f"{faults[reply.id]}\noracle: {reply.reason}\n{reply.text}"


def test_the_corpus_is_of_many_replies_models_and_temperatures() -> None:
    replies = CORPUS.replies
    assert len({reply.text for reply in replies}) == len(replies) >= 200
    assert len({reply.model for reply in replies}) >= 3
    assert {"completion", "chat"} <= {reply.form for reply in replies}
    assert len({reply.temperature for reply in replies}) >= 3
    verdicts = Counter(CORPUS.verdict(reply) for reply in replies)
    assert verdicts["sound"] >= 50 and verdicts["broken"] >= 50


def test_there_is_a_verdict_by_hand_where_the_oracle_is_unsure_and_nowhere_else() -> None:
    unsure = {reply.id for reply in CORPUS.replies if reply.verdict == "unclear"}
    assert CORPUS.hand.keys() == unsure
    assert all(found["verdict"] in ("sound", "broken") and found["reason"] for found in CORPUS.hand.values())
    assert CORPUS.misses.keys() <= {reply.id for reply in CORPUS.replies}
    assert all(CORPUS.misses.values())


def test_a_fault_is_a_sound_loss_refused_or_a_broken_one_accepted() -> None:
    def reply(identifier: str, verdict: str, *, copy: bool = False) -> Reply:
        return Reply(identifier, "m", "chat", None, "write", False, "text", [], "", verdict, "", copy)

    def result(*codes: str) -> dict[str, object]:
        return {"rejections": [{"code": code, "message": "why"} for code in codes]}

    verdicts = {"a": "sound", "b": "sound", "c": "broken", "d": "broken", "e": "unclear", "h": "sound"}
    copies = [reply("f", "sound", copy=True), reply("g", "sound", copy=True)]
    corpus = Corpus(
        [*(reply(identifier, verdict) for identifier, verdict in verdicts.items()), *copies],
        {"e": {"verdict": "broken", "reason": "its code was read"}},
    )
    results = {"a": result(), "b": result("shape"), "c": result("shape"), "d": result(), "e": result()}
    results |= {"f": result("copied"), "g": result("gradient"), "h": result("copied")}
    assert corpus.faults(results) == {
        "b": "sound refused: shape: why",
        "d": "broken accepted",
        "e": "broken accepted",
        "g": "sound refused: gradient: why",
        "h": "sound refused: copied: why",
    }


# A verdict takes up to half a second, so the tests repeat every twentieth.
@pytest.mark.parametrize("reply", CORPUS.replies[::20], ids=lambda reply: reply.id)
def test_the_oracle_says_again_what_it_said(reply: Reply, processes: LossProcesses) -> None:
    found = judge(processes, reply.text, reply.form, reply.cut_off, reply.shown)
    assert (found.verdict, found.copy) == (reply.verdict, reply.copy), found.reason


HEAD = (
    "import torch\nimport torch.nn.functional as F\n\n\ndef loss(chosen_logps, rejected_logps, ref_c, ref_r, beta):\n"
)
RHO = HEAD + "    x = beta * (chosen_logps - rejected_logps - ref_c + ref_r)\n    return "
ORACLE = {
    RHO + "-F.logsigmoid(x)": "sound",
    RHO + "(-F.logsigmoid(x)).mean()": "sound",
    RHO + "-F.logsigmoid(x), x.detach()": "sound",
    RHO + "-torch.logsigmoid(x)": "sound",
    RHO + "F.logsigmoid(x)": "broken",
    RHO + "x.abs()": "broken",
    RHO + "torch.sigmoid(x) + torch.sigmoid(-x)": "broken",
    RHO + "torch.log(x)": "broken",
    RHO + "torch.exp(-100 * x)": "broken",
    RHO + "torch.rand_like(x) * x": "broken",
    RHO + "-F.logsigmoid(x)[:, None]": "broken",
    RHO + "unknown(x)": "broken",
    RHO + "F.softplus(beta * (rejected_logps - ref_r))": "broken",
    RHO + "open('/etc/passwd').read()": "broken",
    RHO + "-F.logsigmoid(": "unclear",
    HEAD.replace("ref_c", "first") + "    return -F.logsigmoid(chosen_logps - rejected_logps)": "unclear",
}


@pytest.mark.parametrize("code", ORACLE, ids=range(len(ORACLE)))
def test_the_oracle_tells_sound_from_broken(code: str, processes: LossProcesses) -> None:
    def verdict(text: str, form: str = "chat", *, cut_off: bool = False) -> str:
        return judge(processes, text, form, cut_off, []).verdict

    assert verdict(f"Here:\n```python\n{code}\n```\nIt works.") == ORACLE[code]
    assert verdict(code) == ORACLE[code]
    if ORACLE[code] == "sound":
        answer = json.dumps({"thought": "t", "name": "n", "code": code})
        assert verdict(f"Here:\n```python\n{code}", cut_off=True) == "broken"
        assert verdict(f"```json\n{answer}\n```", "discopop") == "sound"
        assert verdict(answer[:-5], "discopop", cut_off=True) == "broken"
        assert verdict(code + "\nprint(loss(1))\n", "completion") == "sound"
        assert verdict(code, "completion", cut_off=True) == "broken"


def test_the_oracle_leaves_open_which_of_two_functions_is_meant(processes: LossProcesses) -> None:
    wrong = (RHO + "x").replace("def loss(", "def other(")
    for text in (f"```python\n{RHO}-x\n```\nor\n```\n{wrong}\n```", f"```python\n{RHO}-x\n\n\n{wrong}\n```"):
        assert judge(processes, text, "chat", False, []).verdict == "unclear"


METHOD = RHO.replace("def loss(", "def loss(self, ").replace(", beta)", ")").replace("beta *", "self.beta *")


def test_the_oracle_calls_methods_and_leaves_open_what_it_cannot_read(processes: LossProcesses) -> None:
    def verdict(text: str, form: str) -> str:
        return judge(processes, text, form, False, []).verdict

    assert verdict(METHOD + "-F.logsigmoid(x)", "chat") == "sound"
    top, body = (METHOD + "-self.width * F.logsigmoid(x)").split("\n\n\n")
    made = "class Loss:\n    def __init__(self, beta=0.1):\n        self.width = 2\n\n"
    assert verdict(f"{top}\n{made}{textwrap.indent(body, '    ')}", "chat") == "sound"
    assert verdict(f"{{'code': '''{RHO}-x'''}}", "discopop") == "unclear"
    assert verdict("```python\n" + RHO.replace("(chosen", "(\u201cchosen") + "x\n```", "chat") == "unclear"
    assert verdict("I cannot help with that.", "chat") == verdict("I cannot help with that.", "discopop") == "broken"


def test_the_oracle_knows_a_copy(processes: LossProcesses) -> None:
    text = RHO + "3 * F.softplus(-x) + 1"
    assert judge(processes, text, "chat", False, [RHO + "-F.logsigmoid(x)"]).copy
    assert not judge(processes, text, "chat", False, [RHO + "torch.relu(1 - x)"]).copy
