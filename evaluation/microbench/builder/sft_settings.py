"""Sizes and schedule of the supervised fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SFTSettings:
    """Sizes and schedule; the defaults are the committed worlds'."""

    width: int = 96
    layers: int = 3
    heads: int = 4
    feed_forward: int = 256
    longest: int = 160  # tokens
    batch_size: int = 64
    learning_rate: float = 3e-3
    steps: int = 2000  # on uneven writers
    faulty_steps: int = 300  # on faulty writers
    faulty_learning_rate: float = 1e-3
