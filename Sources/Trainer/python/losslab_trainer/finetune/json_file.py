"""A JSON file of a model folder, read within bounds: a regular file, so large, so deep, an object, finite numbers."""

from __future__ import annotations

import math
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from losslab_trainer.data.soundness import json_of
from losslab_trainer.finetune.problem import FinetuneProblem

LARGEST = 64 << 20  # bytes
# Mamba's steps have no greatest length, and their configurations say so.
MAY_BE_INFINITE = frozenset({"time_step_limit"})
AGAIN = "fetch it again, or give a folder that save_pretrained wrote"


def read_object(path: Path, what: str) -> dict[str, Any]:
    """The file's object. Raises FinetuneProblem, which begins with ``what``, for one that cannot be taken."""
    require_regular(path, what, LARGEST)
    try:
        value = json_of(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FinetuneProblem(f"{what}: {path.name} cannot be read ({error}); {AGAIN}") from None
    if not isinstance(value, dict):
        raise FinetuneProblem(f"{what}: {path.name} holds {type(value).__name__} where an object belongs; {AGAIN}")
    place = _not_finite(value)
    if place is not None:
        raise FinetuneProblem(f"{what}: {path.name} has {place}, which is no finite number; {AGAIN}")
    return value


def require_regular(path: Path, what: str, largest: int | None = None) -> None:
    """Raises FinetuneProblem for what is no file, such as a pipe, which would be waited for, or too large."""
    try:
        found = path.stat()
    except OSError as error:
        raise FinetuneProblem(f"{what}: {path.name} cannot be read ({error.strerror}); {AGAIN}") from None
    if not stat.S_ISREG(found.st_mode):
        raise FinetuneProblem(f"{what}: {path.name} is no regular file; {AGAIN}")
    if largest is not None and found.st_size > largest:
        raise FinetuneProblem(f"{what}: {path.name} has {found.st_size} bytes, more than {largest}; {AGAIN}")


def _not_finite(value: Any, name: str = "") -> str | None:
    """The first number that is not finite, as `name NaN`."""
    if isinstance(value, float):
        return None if math.isfinite(value) or name in MAY_BE_INFINITE else f"{name} {value}"
    if not isinstance(value, Mapping | list):
        return None
    parts = value.items() if isinstance(value, Mapping) else ((name, part) for part in value)
    return next((found for key, part in parts if (found := _not_finite(part, str(key))) is not None), None)
