"""What a model folder says of itself without loading a weight: safetensors headers and config.json."""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from losslab_trainer.data.problem import DataProblem

LARGEST_HEADER = 100 << 20  # bytes, as the safetensors library allows


@dataclass(frozen=True)
class Stored:
    """Weights as they lie in a folder."""

    parameters: int
    bytes: int
    dtypes: dict[str, int]  # parameters of each


def stored_weights(folder: Path) -> Stored | None:
    """Counts from the headers of all shards; None where the folder has no safetensors. Raises DataProblem."""
    index = folder / "model.safetensors.index.json"
    try:
        if index.is_file():
            names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        else:
            names = ["model.safetensors"] if (folder / "model.safetensors").is_file() else []
    except (ValueError, KeyError) as error:
        raise DataProblem(f"{index} is damaged: {error}") from None
    dtypes: Counter[str] = Counter()
    size = 0
    for name in names:
        for tensor in _header(folder / name).values():
            dtypes[tensor["dtype"]] += math.prod(tensor["shape"])
            first, last = tensor["data_offsets"]
            size += last - first
    return Stored(dtypes.total(), size, dict(dtypes)) if names else None


def _header(file: Path) -> dict[str, Any]:
    """A safetensors file begins with the length of its JSON header as eight bytes."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > LARGEST_HEADER:
                raise ValueError("a header of that length is none")
            header: dict[str, Any] = json.loads(stream.read(length))
    except FileNotFoundError:
        raise DataProblem(f"{file} is missing; the folder's index names it") from None
    except (OSError, ValueError, struct.error) as error:
        raise DataProblem(f"{file} is no safetensors file: {error}") from None
    header.pop("__metadata__", None)
    return header
