"""Reference log-probabilities on disk: each pair's computed once for a model, and shared by every candidate and rerun.

A folder for each model (its weight files, its tokenizer, the chat template, the truncation, the dtype: whatever the
values depend on, by content), in it every pair by a hash of its token ids. So a second data set that shares pairs with
the first, a subset or another seed finds what is there and computes only the rest.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from losslab_trainer.finetune.layout import Pair
from losslab_trainer.finetune.models import LoadedModel
from losslab_trainer.reference_cache import ReferenceLogps

VERSION = 2  # of how values are computed: 1 read short sequences with long ones' rotary tables
HASH_BYTES = 16
MOST_FILES = 8  # of one model, before they are made one
NOT_CONTENT = ("_name_or_path", "transformers_version", "use_cache")  # of config.json
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
)

P = TypeVar("P", bound=Pair)
Compute = Callable[[Sequence[P]], tuple[Tensor, Tensor]]  # chosen and rejected, (n,) each

_hashed: dict[tuple[str, int, int, int], str] = {}  # files by path, what is written where, and when


@dataclass(frozen=True)
class ReferenceStore:
    """What is known of one model's log-probabilities."""

    folder: Path

    def values(self, pairs: Sequence[P], compute: Compute[P]) -> tuple[ReferenceLogps, int]:
        """The values of all pairs, in order, and how many had to be computed."""
        names = [pair_hash(pair) for pair in pairs]
        known = self._read()
        missing = [i for i, name in enumerate(names) if name not in known]
        first = list({names[i]: i for i in reversed(missing)}.values())[::-1]  # each pair once
        if first:
            chosen, rejected = compute([pairs[i] for i in first])
            new = {names[i]: (c, r) for i, c, r in zip(first, chosen.tolist(), rejected.tolist(), strict=True)}
            known |= new
            self._write(new, known)
        both = torch.tensor([known[name] for name in names], dtype=torch.float64).reshape(-1, 2)
        return ReferenceLogps(both[:, 0], both[:, 1]), len(first)

    def _read(self) -> dict[bytes, tuple[float, float]]:
        found: dict[bytes, tuple[float, float]] = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            try:
                tensors = load_file(path)
                names = tensors["pairs"].numpy().tobytes()
                values = tensors["logps"].tolist()
            except (OSError, SafetensorError, KeyError):
                continue  # damaged, or just made one with others: what is missing is computed again
            found |= {
                names[i * HASH_BYTES : (i + 1) * HASH_BYTES]: (c, r)
                for i, (c, r) in enumerate(values)
                if math.isfinite(c) and math.isfinite(r)
            }
        return found

    def _write(self, new: Mapping[bytes, tuple[float, float]], known: Mapping[bytes, tuple[float, float]]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        old = list(self.folder.glob("*.safetensors"))
        merge = len(old) >= MOST_FILES
        rows = known if merge else new
        names = b"".join(rows)
        tensors = {
            "pairs": torch.frombuffer(bytearray(names), dtype=torch.uint8).reshape(len(rows), HASH_BYTES),
            "logps": torch.tensor(list(rows.values()), dtype=torch.float64),
        }
        path = self.folder / f"{hashlib.sha256(names).hexdigest()[:32]}.safetensors"
        # Written aside and renamed: two trainers that share the folder never see half a file.
        partial = path.with_suffix(f".{os.getpid()}.partial")
        save_file(tensors, partial)
        partial.replace(path)
        for other in old if merge else []:
            if other != path:
                other.unlink(missing_ok=True)


def store_for(loaded: LoadedModel, options: Mapping[str, object], cache: Path) -> ReferenceStore:
    """The store of a model as it was loaded; ``options`` are those of truncation and template."""
    return ReferenceStore(cache / "finetune-reference" / model_key(loaded, options))


def model_key(loaded: LoadedModel, options: Mapping[str, object]) -> str:
    """A hash of all that the values depend on beside the token ids."""
    config = json.loads((loaded.folder / "config.json").read_text("utf-8"))
    template = loaded.tokenizer.chat_template
    description = {
        "version": VERSION,
        "weights": {path.name: _file_hash(path) for path in weight_files(loaded.folder)},
        "config": {name: item for name, item in config.items() if name not in NOT_CONTENT},
        "tokenizer": {
            name: _file_hash(loaded.folder / name) for name in TOKENIZER_FILES if (loaded.folder / name).is_file()
        },
        "template": template,
        "dtype": str(loaded.dtype),
        "quantization": loaded.settings.quantization,
        "options": dict(options),
    }
    return hashlib.sha256(json.dumps(description, sort_keys=True, default=str).encode()).hexdigest()[:40]


def pair_hash(pair: Pair) -> bytes:
    """Names a pair by its token ids."""
    parts = (pair.prompt_ids, pair.chosen_ids, pair.rejected_ids, pair.rejected_prompt_ids)
    return hashlib.blake2b(repr(parts).encode(), digest_size=HASH_BYTES).digest()


def weight_files(folder: Path) -> list[Path]:
    """Every file that may hold weights, say which shard holds which, or be code that the model is made with.

    Of what else lies in the folder transformers takes some and leaves some; a file too many costs a computation, a file
    too few would give a policy another one's reference.
    """
    kinds = ("*.safetensors", "*.bin", "*.index.json", "*.py")
    return sorted(path for kind in kinds for path in folder.glob(kind))


def content_hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _file_hash(path: Path) -> str:
    status = path.stat()
    # Not the time of writing: a copy that keeps it (cp -p, rsync) would pass for the file it replaced.
    key = (str(path.resolve()), status.st_ino, status.st_ctime_ns, status.st_size)
    if key not in _hashed:
        with path.open("rb") as file:
            _hashed[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _hashed[key]
