"""Model folders that lie, are damaged or want to run something: each a change of a good one, and what is said of it."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Change = Callable[[Path], object]
WEIGHTS = "model.safetensors"


def settings(file: str = "config.json", **changes: Any) -> Change:
    """Changes what a folder's JSON file says."""

    def change(folder: Path) -> None:
        path = folder / file
        old = json.loads(path.read_text()) if path.is_file() else {}
        path.write_text(json.dumps(old | changes))

    return change


def text(file: str, content: str | bytes) -> Change:
    data = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / file).write_bytes(data)


def header(change: Callable[[dict[str, Any]], object]) -> Change:
    """Changes what the weights' header says, and leaves the weights as they are."""

    def write(folder: Path) -> None:
        content = (folder / WEIGHTS).read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        value = json.loads(content[8 : 8 + length])
        change(value)
        new = json.dumps(value).encode()
        (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(new)) + new + content[8 + length :])

    return write


def weights(change: Callable[[bytes], bytes]) -> Change:
    def write(folder: Path) -> None:
        (folder / WEIGHTS).write_bytes(change((folder / WEIGHTS).read_bytes()))

    return write


def first(value: dict[str, Any]) -> dict[str, Any]:
    """The first tensor that a header names."""
    found: dict[str, Any] = value[min(name for name in value if name != "__metadata__")]
    return found


def stretched(value: dict[str, Any]) -> None:
    first(value)["shape"] = [10**9, 10**6]


def beyond(value: dict[str, Any]) -> None:
    tensor = first(value)
    begin, end = tensor["data_offsets"]
    tensor["data_offsets"] = [10**12, 10**12 + end - begin]


def only_a_pickle(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")


def a_pipe(file: str) -> Change:
    def change(folder: Path) -> None:
        (folder / file).unlink(missing_ok=True)
        os.mkfifo(folder / file)

    return change


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


OWN = {"AutoConfig": "configuration_own.OwnConfig", "AutoModelForCausalLM": "modeling_own.OwnForCausalLM"}
ITS_TOKENIZER = {"AutoTokenizer": ["tokenization_own.OwnTokenizer", None]}

# By name: the change, and words of the sentence. What a tokenizer alone suffers from, too, has its file first.
FOLDERS: Mapping[str, tuple[Change, tuple[str, ...]]] = {
    "own code": (settings(auto_map=OWN, model_type="own"), ("config.json wants code", "auto_map")),
    "own tokenizer": (
        lambda folder: (
            settings(model_type="own")(folder),
            settings("tokenizer_config.json", auto_map=ITS_TOKENIZER, tokenizer_class="OwnTokenizer")(folder),
        ),
        ("tokenizer_config.json wants code",),
    ),
    "deep config": (text("config.json", deep(900)), ("config.json", "nested 900 deep")),
    "deeper config": (text("config.json", deep(200_000)), ("config.json", "nested 200000 deep")),
    "config of brackets": (text("config.json", "[" * 100_000), ("config.json", "nested 100000 deep")),
    "config is a list": (text("config.json", "[]"), ("config.json holds list",)),
    "config is no JSON": (text("config.json", "{"), ("config.json cannot be read",)),
    "config is not UTF-8": (text("config.json", b'{"a": "\xff"}'), ("config.json cannot be read",)),
    "config is a pipe": (a_pipe("config.json"), ("config.json is no regular file",)),
    "half a surrogate": (
        settings("config.json", bos_token="\ud800"),
        ("config.json cannot be read (half a surrogate pair",),
    ),
    "tokenizer_config is a list": (text("tokenizer_config.json", "[]"), ("tokenizer_config.json holds list",)),
    "tokenizer is a pipe": (a_pipe("tokenizer.json"), ("tokenizer.json is no regular file",)),
    "NaN": (settings(rms_norm_eps=float("nan")), ("config.json has rms_norm_eps nan",)),
    "infinity": (settings(initializer_range=float("inf")), ("config.json has initializer_range inf",)),
    "infinity within": (settings(rope_scaling={"factor": [1.0, float("-inf")]}), ("has factor -inf",)),
    "no heads": (settings(num_attention_heads=0), ("config.json has num_attention_heads 0",)),
    "no rows": (settings(vocab_size=-1), ("config.json has vocab_size -1",)),
    "half a layer": (settings(num_hidden_layers=1.5), ("config.json has num_hidden_layers 1.5",)),
    "2,000,000 layers": (settings(num_hidden_layers=2_000_000), ("num_hidden_layers 2000000",)),
    "2,000 layers": (settings(num_hidden_layers=2_000), ("num_hidden_layers 2000", "do not belong together")),
    "a million experts": (settings(num_experts=1_000_000), ("num_experts 1000000",)),
}
# What only concerns weights.
OF_WEIGHTS: Mapping[str, tuple[Change, tuple[str, ...]]] = {
    "header beyond the file": (
        weights(lambda content: struct.pack("<Q", 10**7) + content[8:]),
        (WEIGHTS, "a header of 10000000 bytes in a file of"),
    ),
    "huge header": (
        weights(lambda content: b"\xff" * 8 + content[8:]),
        (WEIGHTS, "a header of 18446744073709551615 bytes, more than"),
    ),
    "no header": (weights(lambda content: content[:5]), (WEIGHTS, "5 bytes, too short")),
    "header of brackets": (
        text(WEIGHTS, struct.pack("<Q", 300_000) + b"[" * 300_000),
        (f"{WEIGHTS} is no safetensors file",),
    ),
    "cut short": (weights(lambda content: content[:-100]), (f"{WEIGHTS} is cut short",)),
    "place beyond the file": (header(beyond), (f"{WEIGHTS} is cut short", "its header names 10000")),
    "shape that is not its size": (header(stretched), (WEIGHTS, "cannot lie in")),
    "no shape": (header(lambda value: first(value).pop("shape")), (WEIGHTS, "has no dtype, shape and place")),
    "a pipe": (a_pipe(WEIGHTS), (f"{WEIGHTS} is no regular file",)),
    "only a pickle": (only_a_pickle, ("its weights are a pickle (pytorch_model.bin)", "save_pretrained")),
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), ("no weights (model.safetensors)",)),
    "index that leads outside": (
        text(f"{WEIGHTS}.index.json", '{"weight_map": {"a": "../../other.safetensors"}}'),
        ("index.json names '../../other.safetensors'",),
    ),
    "index without a file": (
        text(f"{WEIGHTS}.index.json", '{"weight_map": {"a": "missing.safetensors"}}'),
        ("missing.safetensors is missing",),
    ),
    "index that is none": (text(f"{WEIGHTS}.index.json", '{"weight_map": []}'), ("has no weight_map",)),
}
