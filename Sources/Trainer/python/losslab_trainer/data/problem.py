"""What is wrong with a data source as a whole; what is wrong with one row is a ``Finding``."""

from __future__ import annotations


class DataProblem(Exception):
    """Data that cannot be used as it is. The message names the thing, the place and the next step."""
