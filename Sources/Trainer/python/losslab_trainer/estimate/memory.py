"""Memory of a fine-tuning, part by part, by formulas that stand beside each figure.

Parameters are counted on a model without memory (torch's meta device). Weights that are trained lie in float32
whatever the computing dtype, since small steps are lost in 16 bits; gradients and AdamW's two moments are of the same
size. There is no second model: the reference's log-probabilities are computed once, before training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from losslab_trainer.finetune.head import CHUNK_ELEMENTS, KEPT_BYTES
from losslab_trainer.finetune.memory import bytes_per_token
from losslab_trainer.finetune.settings import ModelSettings

COUNTED, MEASURED, ASSUMED = "counted", "measured", "assumed"
QUANTIZED_BITS = {"4bit": 4.127, "8bit": 8.0}  # per weight; nf4 with double quantisation adds 0.127 for its scales
# What a process holds before the model: Python, torch, transformers, and on a GPU the CUDA context and libraries.
PROCESS_BYTES = {"cpu": 500 << 20, "cuda": 600 << 20}


@dataclass(frozen=True)
class Part:
    """One part of the memory: how much, and how it is known."""

    name: str
    bytes: int
    basis: str
    how: str

    def to_json(self) -> dict[str, object]:
        return {"part": self.name, "bytes": self.bytes, "basis": self.basis, "how": self.how}


@dataclass(frozen=True)
class Sizes:
    """Parameter counts."""

    all: int
    trained: int
    adapter: int
    linear: int  # in matrices that every token passes, the head not among them
    head: int


def sizes_of(model: Any, *, adapter: bool) -> Sizes:
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    head = base.get_output_embeddings().weight
    embedding = base.get_input_embeddings().weight
    parameters = list(model.parameters())
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    total = sum(p.numel() for p in parameters)
    tables = {id(head): head.numel(), id(embedding): embedding.numel()}
    linear = sum(p.numel() for p in parameters if p.dim() > 1 and id(p) not in tables)
    return Sizes(total, trained, trained if adapter else 0, linear, head.numel())


def parts(model: Any, settings: ModelSettings, dtype: torch.dtype, device: str, tokens: int) -> list[Part]:
    """``tokens`` are those that the largest micro-batch encodes, a shared prompt once."""
    sizes = sizes_of(model, adapter=settings.adapter is not None)
    item = dtype.itemsize
    frozen = sizes.all - sizes.trained
    if settings.quantization:
        weights = round((sizes.linear - sizes.adapter) * QUANTIZED_BITS[settings.quantization] / 8)
        weights += (frozen - (sizes.linear - sizes.adapter)) * item + sizes.adapter * 4
        how = f"{frozen:,} weights, matrices in {settings.quantization}, the rest at {item} bytes"
    elif settings.adapter is not None:
        weights = frozen * item + sizes.adapter * 4
        how = f"{frozen:,} frozen at {item} bytes, {sizes.adapter:,} of the adapter at 4"
    else:
        weights, how = sizes.all * 4, f"{sizes.all:,} x 4 bytes (float32)"
    found = [
        Part("weights", weights, COUNTED, how),
        Part("gradients", sizes.trained * 4, COUNTED, f"{sizes.trained:,} trained x 4 bytes"),
        Part("optimizer", sizes.trained * 8, COUNTED, f"{sizes.trained:,} trained x 2 moments x 4 bytes (AdamW)"),
    ]
    if settings.adapter is None and item < 4:
        copies = sizes.linear * item
        found.append(Part("cast weights", copies, COUNTED, f"matrices once more at {item} bytes, for the computation"))
    rate = bytes_per_token(model) * item / next(model.parameters()).element_size()
    how = f"{tokens:,} tokens encoded in the largest micro-batch x {rate / 1024:,.0f} KiB"
    head = 3 * 4 * CHUNK_ELEMENTS + KEPT_BYTES
    found += [
        Part("activations", round(tokens * rate), ASSUMED, how + ": layers x (16 width + 5 inner width) values"),
        Part("head", head, ASSUMED, "logits chunk by chunk, and the probabilities that are kept"),
        Part("process", PROCESS_BYTES[device], ASSUMED, "Python and its libraries, the device's context"),
    ]
    return found
