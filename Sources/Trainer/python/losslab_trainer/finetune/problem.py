"""What is wrong with a fine-tuning job as it was described."""

from __future__ import annotations


class FinetuneProblem(Exception):
    """A job that cannot be run as it is. The message names the thing, the place and the next step."""
