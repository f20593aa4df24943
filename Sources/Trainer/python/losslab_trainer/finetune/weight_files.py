"""What a model folder's weight files say of themselves, without loading a weight: the headers of its safetensors.

A header that lies is found here: a length beyond the file, places that are not the tensor's size, a file cut short.
Pickles are not opened at all, since reading one may run what it holds.
"""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from losslab_trainer.finetune.json_file import AGAIN, read_object, require_regular
from losslab_trainer.finetune.problem import FinetuneProblem

LARGEST_HEADER = 100 << 20  # bytes, as the safetensors library allows
ONE, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLES = ("pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
BITS: Mapping[str, int] = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}


@dataclass(frozen=True)
class Stored:
    """Weights as they lie in a folder."""

    tensors: int
    parameters: int
    bytes: int
    dtypes: dict[str, int]  # parameters of each


def stored_weights(folder: Path, what: str) -> Stored | None:
    """Counts from the headers of all shards; None where the folder has no safetensors.

    Raises FinetuneProblem, which begins with ``what``, for files that are missing, cut short or lie.
    """
    names = _shards(folder, what)
    dtypes: Counter[str] = Counter()
    tensors = size = 0
    for name in names:
        for dtype, elements, width in _tensors(folder / name, what):
            tensors += 1
            dtypes[dtype] += elements
            size += width
    return Stored(tensors, dtypes.total(), size, dict(dtypes)) if names else None


def pickles(folder: Path) -> list[str]:
    """Files of weights that only unpickling reads."""
    return sorted(path.name for kind in PICKLES for path in folder.glob(kind))


def _shards(folder: Path, what: str) -> list[str]:
    index = folder / INDEX
    if not index.is_file():
        return [ONE] if (folder / ONE).exists() else []
    places = read_object(index, what).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise FinetuneProblem(f"{what}: {INDEX} has no weight_map from weights to files; {AGAIN}")
    names = sorted(set(places.values()))
    outside = next((name for name in names if name != Path(name).name or not name.endswith(".safetensors")), None)
    if outside is not None:
        raise FinetuneProblem(f"{what}: {INDEX} names {outside!r}, which is no safetensors file beside it; {AGAIN}")
    return names


def _tensors(file: Path, what: str) -> list[tuple[str, int, int]]:
    """Dtype, elements and bytes of each tensor. The file begins with its JSON header's length as eight bytes."""
    if not file.exists():
        raise FinetuneProblem(f"{what}: {file.name} is missing, and {INDEX} names it; {AGAIN}")
    require_regular(file, what)
    whole = file.stat().st_size
    try:
        with file.open("rb") as stream:
            start = stream.read(8)
            if len(start) < 8:
                raise ValueError(f"{whole} bytes, too short for a header")
            (length,) = struct.unpack("<Q", start)
            if length > LARGEST_HEADER:
                raise ValueError(f"a header of {length} bytes, more than {LARGEST_HEADER}")
            if length > whole - 8:
                raise ValueError(f"a header of {length} bytes in a file of {whole}")
            header = json.loads(stream.read(length))
        if not isinstance(header, dict):
            raise ValueError("a header that is no object")
        header.pop("__metadata__", None)
        found = [_tensor(name, tensor) for name, tensor in header.items()]
    except (OSError, ValueError, RecursionError) as error:
        raise FinetuneProblem(f"{what}: {file.name} is no safetensors file ({error}); {AGAIN}") from None
    named, there = max((end for *_, end in found), default=0), whole - 8 - length
    if named > there:
        raise FinetuneProblem(
            f"{what}: {file.name} is cut short: its header names {named} bytes of weights, and {there} are there; "
            f"{AGAIN}"
        )
    return [(dtype, elements, size) for dtype, elements, size, _ in found]


def _tensor(name: str, tensor: Any) -> tuple[str, int, int, int]:
    """Dtype, elements, bytes, and where they end. Raises ValueError where these contradict each other."""
    shown = name if len(name) <= 100 else f"{name[:100]}…"
    try:
        dtype, shape, (first, last) = tensor["dtype"], tensor["shape"], tensor["data_offsets"]
        whole_numbers = all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in [*shape, first, last])
    except (TypeError, KeyError, ValueError):
        whole_numbers = False
    if not whole_numbers or not isinstance(dtype, str):
        raise ValueError(f"{shown!r} has no dtype, shape and place")
    elements = math.prod(shape)
    bits = BITS.get(dtype)
    if last < first or (bits is not None and elements * bits != (last - first) * 8):
        raise ValueError(f"{shown!r} of shape {shape} and dtype {dtype} cannot lie in {last - first} bytes")
    return dtype, elements, last - first, last
