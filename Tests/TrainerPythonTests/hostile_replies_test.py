"""Replies that were made to crash or stall their reader: each is refused with a reason, all of them in seconds."""

from __future__ import annotations

import time

import pytest
from losslab_trainer.contract import LossRejected
from losslab_trainer.screening.extract import FILE, Reply
from losslab_trainer.screening.forms import to_file_form
from losslab_trainer.screening.gate import violations
from losslab_trainer.screening.parsing import LARGEST_SOURCE

SIZE = LARGEST_SOURCE - 1024
KEY = '{"code": "'
NAMES = "policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta"
SECONDS = 20  # a tenth of a second each on an idle core


def many(text: str, before: str = "") -> str:
    return before + (text * (SIZE // len(text)))[: SIZE - len(before)]


HOSTILE = {
    "backticks": many("`"),
    "empty fences": many("```\n\n```\n"),
    "open fences": many("```python\n"),
    "the key once": many("x", KEY),
    "the key often": many(KEY),
    "deep objects": many('{"a":'),
    "deep lists": many("[", '{"code":'),
    "braces": many("{"),
    "backslashes": many("\\", KEY),
    "escapes": many("\\u0041", KEY),
    "quotes": many('"', '{"code": """'),
    "a list of lines": many('"x",', '{"code": ['),
    "an object a line": many('{"code": "def loss(a):\\n  return a"}\n'),
    "headers": many("def f(a):\n"),
    "losses": many(f"def loss({NAMES}):\n    return 1\n"),
    "thoughts": many("<think>"),
    "closed thoughts": many("<think></think>"),
    "tags": many("<code>"),
    "functions in tags": many("<code>def f(a):</code>"),
    "spaces": many(" "),
    "lines": many("\n"),
    "imports and prose": many("import torch\nprose here\n"),
    "apostrophes": many("it's prose\n", "def loss(x):\n"),
    "triple quotes": many("'''"),
    "fences in docstrings": many('"""\n```\n', "```python\n"),
    "brackets": many("("),
    "signs": many("-"),
    "lambdas": many("lambda:"),
    "dots": many("a."),
    "blocks": many("if x:\n"),
    "comments": many("#\n"),
    "classes": many("class A:\n  def loss(self, policy_chosen_logps):\n    return 1\n"),
    "a long number": many("9", "x = "),
    "block quotes": many("> "),
    "prompts": many(">>> x\n"),
    "names": many("name: x\n"),
    "more than is read": "x" * 10_000_000,
    "half a pair": f"def loss({NAMES}):\n    return '\ud800'\n",
    "a null byte": f"def loss({NAMES}):\n    return beta\0\n",
}


def refused(text: str, reply: Reply) -> str:
    try:
        form = to_file_form(text, reply=reply)
    except LossRejected as rejection:
        assert len(str(rejection)) < 400
        return rejection.code
    found = violations(form.source)
    return found[0].code if found else ""


def test_every_hostile_reply_is_refused_in_time() -> None:
    started = time.process_time()
    for name, text in HOSTILE.items():
        for reply in (FILE, Reply(cut_off=True, prompt=text[:2_000])):
            assert refused(text, reply) or name == "losses", name
    assert time.process_time() - started < SECONDS


CONSTANTS = {
    "10 ** 10 ** 8": False,
    "2 ** 5000": False,
    "(2 ** 60) ** (2 ** 10)": False,
    "1 << 10 ** 12": False,
    "1 ** 10 ** 12": True,
    "'a' * 10 ** 9": False,
    "[0] * 10 ** 9": False,
    "1e308 ** 2": False,
    "pow(10, 10 ** 8)": False,
    "2 ** 10": True,
    "1e-3 ** 2": True,
    "(-2) ** 3": True,
    "2 ** -0.5": True,
}


@pytest.mark.parametrize("value", CONSTANTS)
def test_what_constants_can_grow_to_is_known_before_they_are_run(value: str) -> None:
    found = violations(to_file_form(f"def loss({NAMES}):\n    return policy_chosen_logps * ({value})\n").source)
    assert (found == []) == CONSTANTS[value], found
