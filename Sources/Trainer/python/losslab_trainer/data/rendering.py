"""A chat template writes a dialogue, within bounds: a template is a program of someone else's, and may not end.

Bounds: seconds, memory that it takes, characters that it writes, and what it may compute. Numbers grow only slowly
(no powers, no products of two unknowns), since nothing stops a single multiplication; memory is bounded by the
process's own limit, so that doubling a text ends where it is asked for, not where the machine is full. Should one step
of a template outlast all this, the process is ended by the kernel.
"""

from __future__ import annotations

import resource
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from losslab_trainer.data.problem import DataProblem

SECONDS = 10
STUCK_SECONDS = 60  # of processor time in one step, which no signal's handler comes between
MEMORY = 512 << 20  # bytes beyond what the process has
LONGEST_TEMPLATE = 1 << 20  # characters
LONGEST_TEXT = 16 << 20  # characters
STATM, PAGE = Path("/proc/self/statm"), resource.getpagesize()
NEXT = "choose another with --chat-template"


class TemplateStopped(DataProblem):
    """A template that was stopped: no matter of one row, and not tried again with the next."""


class _TimeOut(BaseException):
    """Not an Exception, so that nothing which is called takes it for one of its own."""


def write(
    tokenizer: Any,
    messages: Sequence[Mapping[str, Any]],
    *,
    template: str | None = None,
    generation: bool = False,
    arguments: Mapping[str, Any] | None = None,
) -> str:
    """What a chat template (None: the tokenizer's own) makes of a dialogue.

    Raises TemplateStopped beyond the bounds, and whatever the template raises.
    """
    own = tokenizer.chat_template if template is None else template
    if isinstance(own, str):
        _require_slow_growth(own)
    try:
        with bounded(), _timed():
            text: str = tokenizer.apply_chat_template(
                list(messages),
                chat_template=template,
                tokenize=False,
                add_generation_prompt=generation,
                **(arguments or {}),
            )
    except _TimeOut:
        raise TemplateStopped(f"the chat template had not ended after {SECONDS} seconds; {NEXT}") from None
    except (MemoryError, RecursionError) as error:
        what = f"took more than {MEMORY >> 20} MiB" if isinstance(error, MemoryError) else "calls itself without end"
        raise TemplateStopped(f"the chat template {what}; {NEXT}") from None
    if len(text) > LONGEST_TEXT:
        raise TemplateStopped(
            f"the chat template writes {len(text)} characters for one dialogue, more than {LONGEST_TEXT}; {NEXT}"
        )
    return text


@lru_cache(maxsize=16)
def _require_slow_growth(template: str) -> None:
    if len(template) > LONGEST_TEMPLATE:
        raise TemplateStopped(f"the chat template has {len(template)} characters, more than {LONGEST_TEMPLATE}; {NEXT}")
    try:
        tree = Environment(extensions=["jinja2.ext.loopcontrols", _Generation]).parse(template)
    except (TemplateSyntaxError, RecursionError):
        return  # which writing tells
    for node in tree.find_all((nodes.Pow, nodes.Mul)):
        if isinstance(node, nodes.Pow) or not _has_constant(node):
            sign = "**" if isinstance(node, nodes.Pow) else "*"
            raise TemplateStopped(
                f"the chat template computes with {sign} (line {node.lineno}), by which numbers grow without bounds; "
                f"{NEXT}"
            )


def _has_constant(node: nodes.Node) -> bool:
    return isinstance(node, nodes.BinExpr) and any(
        isinstance(side, nodes.Const | nodes.Neg) for side in (node.left, node.right)
    )


class _Generation(Extension):
    """transformers' marks around what an assistant says; read as if they were not there."""

    tags = {"generation"}  # noqa: RUF012  # as the library has it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


_inside = False


@contextmanager
def bounded() -> Iterator[None]:
    """Around many calls of ``write``, so that the limits are set once. Only a process's first thread has signals."""
    global _inside  # noqa: PLW0603  # limits are the process's
    if _inside:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = _address_space() + MEMORY
    if most > MEMORY and (soft == resource.RLIM_INFINITY or most < soft):
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    handled = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGALRM, _time_out) if handled else None
    _inside = True
    try:
        yield
    finally:
        _inside = False
        if handled:
            signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def _timed() -> Iterator[None]:
    handled = threading.current_thread() is threading.main_thread()
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, STUCK_SECONDS)
        if handled:
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
        yield
    finally:
        if handled:
            signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _time_out(_number: int, _frame: FrameType | None) -> None:
    raise _TimeOut


def _address_space() -> int:
    """Bytes of this process's address space; 0 where the kernel does not tell."""
    try:
        with STATM.open("rb") as file:
            return int(file.read().split()[0]) * PAGE
    except OSError:
        return 0
