"""A chat template that does not end, grows without end or computes without end is stopped, and that is said."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from data_files import CHATML, bpe_tokenizer
from losslab_trainer.data import rendering
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.rows import Message, PreferenceRow
from losslab_trainer.data.template import doubts
from losslab_trainer.data.tokenise import TokeniseOptions, tokenise
from losslab_trainer.inspect_job import inspect

DOUBLES = "{% set n = namespace(x='ab') %}{% for _ in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}"
ENDLESS = "{% for _ in range(99999) %}{% for _ in range(99999) %}{% endfor %}{% endfor %}"
WRITES = "{% for _ in range(99999) %}{{ 'a' * 1000 }}{% endfor %}"
CALLS = "{% macro again(n) %}{{ again(n + 1) }}{% endmacro %}{{ again(0) }}"
STOPPED = {
    "endless": (ENDLESS, "had not ended after"),
    "doubles a text": (DOUBLES, "took more than"),
    "doubles a list": (
        DOUBLES.replace("'ab'", "['ab']").replace("n.x ~ n.x", "n.x + n.x"),
        "took more than",
    ),
    "lists in lists": (
        DOUBLES.replace("'ab'", "['ab']").replace("n.x ~ n.x", "[n.x, n.x]") + "{{ n.x }}",
        "the chat template ",  # one bound or the other
    ),
    "a long text at once": ("{{ 'a' * 99999999999 }}", "took more than"),
    "pads": ("{{ '%99999999999d' % 1 }}", "took more than"),
    "writes on and on": (WRITES, "more than 1048576"),
    "calls itself": (CALLS, "calls itself without end"),
    "powers": ("{{ 10 ** 10 ** 8 }}", "computes with ** (line 1)"),
    "products": (DOUBLES.replace("'ab'", "9").replace("n.x ~ n.x", "n.x * n.x"), "computes with * (line 1)"),
}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return bpe_tokenizer(["which fish? a carp"], size=300)


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "SECONDS", 20.0)
    monkeypatch.setattr(rendering, "MEMORY", 128 << 20)
    monkeypatch.setattr(rendering, "LONGEST_TEXT", 1 << 20)


def row(number: int, words: str = "which fish?") -> PreferenceRow:
    chosen, rejected = ((Message("assistant", text),) for text in ("a carp", "a pike"))
    return PreferenceRow(number, (Message("user", words),), chosen, rejected)


@pytest.mark.parametrize("name", STOPPED)
def test_a_template_without_bounds_is_stopped_and_told(
    tokenizer: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    template, words = STOPPED[name]
    monkeypatch.setattr(rendering, "SECONDS", 0.5 if words in ("had not ended after", "the chat template ") else 20.0)
    limits, handler = resource.getrlimit(resource.RLIMIT_AS), signal.getsignal(signal.SIGALRM)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataProblem) as found:
        doubts(tokenizer, template + CHATML, system=False)
    assert words in str(found.value) and "choose another with --chat-template" in str(found.value)
    assert len(str(found.value)) < 300
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 << 10
    # What was limited is as it was.
    assert resource.getrlimit(resource.RLIMIT_AS) == limits and signal.getsignal(signal.SIGALRM) is handler
    assert signal.getitimer(signal.ITIMER_REAL)[0] == signal.getitimer(signal.ITIMER_VIRTUAL)[0] == 0
    assert rendering.write(tokenizer, [{"role": "user", "content": "a"}]) == "<|im_start|>user\na<|im_end|>\n"


def test_a_template_that_only_one_row_sets_off_stops_the_whole_at_once(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each such row would be waited for."""
    template = "{% if 'now' in messages[0]['content'] %}" + ENDLESS + "{% endif %}" + CHATML
    rows = [row(n, f"which fish is number {n}?{' now' if n >= 5 else ''}") for n in range(20)]
    monkeypatch.setattr(rendering, "SECONDS", 0.5)
    started = time.monotonic()
    with pytest.raises(DataProblem, match="had not ended after"):
        tokenise(rows, tokenizer, TokeniseOptions(chat_template=template))
    assert time.monotonic() - started < 10 * rendering.SECONDS  # of 15 rows
    assert len(tokenise(rows[:5], tokenizer, TokeniseOptions(chat_template=template)).pairs) == 5


def test_what_templates_compute_by_right_is_left_alone(tokenizer: Any) -> None:
    template = (
        "{{ '=' * 3 }}{{ messages|length * 2 }}{% for m in messages %}{% generation %}{{ m['content'] }}"
        "{% endgeneration %}{% if loop.index > 9 %}{% break %}{% endif %}{% endfor %}"
    )
    assert rendering.write(tokenizer, [{"role": "user", "content": "a"}], template=template) == "===2a"


def test_what_a_template_refuses_by_itself_stays_its_own_words(tokenizer: Any) -> None:
    with pytest.raises(Exception, match="no fish") as found:
        rendering.write(tokenizer, [{"role": "user", "content": "a"}], template="{{ raise_exception('no fish') }}")
    assert not isinstance(found.value, DataProblem)


def test_a_template_of_a_folder_is_stopped_in_one_sentence(tokenizer: Any, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "chat_template.jinja").write_text(DOUBLES + CHATML)
    answers = {side: [{"role": "assistant", "content": side}] for side in ("chosen", "rejected")}
    line = json.dumps({"prompt": [{"role": "user", "content": "which fish?"}], **answers})
    (tmp_path / "pairs.jsonl").write_text(line + "\n")
    result = inspect({"data": {"path": str(tmp_path / "pairs.jsonl")}, "tokenizer": str(tmp_path / "model")})
    assert set(result) == {"problem"} and "took more than" in str(result["problem"])


def test_a_single_step_without_end_ends_the_process() -> None:
    """Two lists of lists are compared for hours in one step, which no handler comes between."""
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from data_files import bpe_tokenizer
from losslab_trainer.data import rendering
rendering.STUCK_SECONDS = rendering.SECONDS = 1
grown = "{{% set n = namespace(x=['a'], y=['a']) %}}{{% for _ in range(60) %}}{{% set n.x = [n.x, n.x] %}}"
grown += "{{% set n.y = [n.y, n.y] %}}{{% endfor %}}{{{{ n.x == n.y }}}}"
rendering.write(bpe_tokenizer(["a"], size=300), [{{"role": "user", "content": "a"}}], template=grown)
"""
    ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120)
    assert ended.returncode == -signal.SIGVTALRM, ended.stderr
