"""Writes a trained model in Hugging Face layout: safetensors, tokenizer and a model card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from losslab_trainer.finetune.models import LoadedModel
from losslab_trainer.finetune.stopping import save_stops, stop_ids

HASHED_AT_ONCE = 1 << 26  # bytes


@dataclass(frozen=True)
class Card:
    """What the model card tells."""

    loss: str
    source: str
    beta: float
    base: str
    data: str
    training: Mapping[str, Any]
    metrics: Mapping[str, float]
    held_out: Mapping[str, Any]


def save(loaded: LoadedModel, folder: Path, card: Card) -> None:
    """An adapter is merged into its model, unless that is quantised: then the adapter alone is written."""
    folder.mkdir(parents=True, exist_ok=True)
    model = loaded.model
    if loaded.has_adapter and loaded.settings.quantization is None:
        # Merged for the file and taken apart again: merge_and_unload would end the model in hand.
        model.merge_adapter()
        try:
            base = model.get_base_model()
            tensors = {
                name.replace(".base_layer.", "."): tensor
                for name, tensor in base.state_dict().items()
                if ".lora_" not in name
            }
            base.save_pretrained(folder, state_dict=tensors)
        finally:
            model.unmerge_adapter()
    else:
        model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    if (folder / "config.json").is_file():
        save_stops(folder, stop_ids(model, loaded.tokenizer))
    (folder / "README.md").write_text(card_text(card), "utf-8")


def card_text(card: Card) -> str:
    """A model card: metadata that the Hub reads, and the same for people."""
    lines = ["---", "library_name: transformers", "tags:", "- losslab", "- preference-optimization"]
    if not Path(card.base).is_dir():
        lines.append(f"base_model: {card.base}")
    lines += ["---", "", f"# {Path(card.base).name} trained with {card.loss}", ""]
    lines += [f"Trained by LossLab with the loss **{card.loss}** at beta {card.beta:g} on `{card.data}`.", ""]
    lines += ["## Loss", "", "```python", card.source.strip(), "```", "", "## Training", ""]
    lines += [f"- {name}: {json.dumps(item)}" for name, item in card.training.items()]
    lines += ["", "## Last training metrics", "", "| metric | value |", "|---|---|"]
    lines += [f"| {name} | {value:.6g} |" for name, value in card.metrics.items()]
    held_out = [(name, item) for name, item in card.held_out.items() if isinstance(item, Mapping) and "value" in item]
    if held_out:
        lines += ["", "## Held-out pairs", "", "| measure | mean | standard error | n |", "|---|---|---|---|"]
        for name, item in held_out:
            error = item["standardError"]
            shown = "" if error is None else f"{error:.4g}"
            lines.append(f"| {name} | {item['value']:.6g} | {shown} | {item['count']} |")
    return "\n".join(lines) + "\n"


def trained_hash(model: Any) -> str:
    """SHA-256 over the trained parameters: name, dtype, shape and bytes; tied weights count once."""
    digest = hashlib.sha256()
    named = sorted((name, p) for name, p in model.named_parameters() if p.requires_grad)
    for name, parameter in named or sorted(model.named_parameters()):
        values = parameter.detach().cpu().contiguous()
        digest.update(f"{name}:{values.dtype}:{tuple(values.shape)};".encode())
        flat = values.view(-1).view(torch.uint8)
        for start in range(0, len(flat), HASHED_AT_ONCE):
            digest.update(flat[start : start + HASHED_AT_ONCE].numpy())
    return digest.hexdigest()
