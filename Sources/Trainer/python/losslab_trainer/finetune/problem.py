"""What is wrong with a fine-tuning job as it was described."""

from __future__ import annotations

SHOWN = 300  # characters of what a library raised


class FinetuneProblem(Exception):
    """A job that cannot be run as it is. The message names the thing, the place and the next step."""


def first_line(error: BaseException) -> str:
    """What a library raised, for a message."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
