"""The estimate job: memory and time of a fine-tuning, each figure with how it is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM

from losslab_trainer.data.load import load_preferences
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.spec import DataSpec
from losslab_trainer.data.tokenise import TokenisedPair, TokenisedPreferences, TokeniseOptions, tokenise
from losslab_trainer.estimate import speed
from losslab_trainer.estimate.memory import ASSUMED, MEASURED, Sizes, parts, sizes_of
from losslab_trainer.finetune.checkpoint import load_config, require_room, without_memory
from losslab_trainer.finetune.layout import token_count
from losslab_trainer.finetune.memory import fitting_micro_batch
from losslab_trainer.finetune.models import model_folder
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.settings import ModelSettings, TrainingSettings
from losslab_trainer.finetune.tokenizer import load_tokenizer
from losslab_trainer.finetune.weight_files import Stored, stored_weights

if TYPE_CHECKING:
    from losslab_trainer.serve import Context

REACHED = 0.4  # share of a device's stated speed that such trainings reach, where nothing can be timed


def estimate(job: Mapping[str, Any], context: Context | None = None) -> dict[str, object]:
    """The job's result; ``{"problem": sentence}`` where model or data cannot be used."""
    try:
        return _estimate(job)
    except (DataProblem, FinetuneProblem) as problem:
        return {"problem": str(problem)}


def _estimate(job: Mapping[str, Any]) -> dict[str, object]:
    settings = ModelSettings.from_json(job["model"])
    training = TrainingSettings.from_json(job.get("training") or {})
    folder = model_folder(settings)
    here = torch.device("cuda" if torch.cuda.is_available() and settings.device != "cpu" else "cpu")
    target = here.type if settings.device == "auto" else settings.device
    dtype = _dtype(settings, target)
    config = load_config(folder, f"model {settings.path}")
    model = without_memory(AutoModelForCausalLM, config, f"model {settings.path}", dtype=dtype)
    stored = stored_weights(folder, f"model {settings.path}")
    if stored is not None:
        require_room(model, stored, f"model {settings.path}")
    model = _as_trained(model, settings)
    sizes = sizes_of(model, adapter=settings.adapter is not None)

    tokenised = _tokenised(job["data"], folder, settings, training)
    pairs = tokenised.pairs
    lengths = sorted((token_count(pair) for pair in pairs), reverse=True)
    if not lengths:
        raise DataProblem("no pair is left after tokenising; see `losslab data inspect` with --tokenizer")
    micro = training.micro_batch_size
    basis = "given" if micro else "fits what is free here"
    if micro is None:
        micro = fitting_micro_batch(model, pairs, training.batch_size, here) if here.type == target else 1
        basis = basis if here.type == target else "the smallest, for a device that is not here"
    micro = min(micro, training.batch_size)
    plan = _Plan(config, settings, training, sizes, pairs, dtype, here, target, micro)
    encoded = sorted((_encoded(pair) for pair in pairs), reverse=True)
    found = parts(model, settings, dtype, target, sum(encoded[:micro]))
    steps = _steps(len(pairs), training)
    total_tokens = sum(lengths) * steps * training.batch_size // len(lengths)
    return {
        "device": _device_name(here) if here.type == target else f"{target} (not on this machine)",
        "model": _model_json(folder, stored, sizes, dtype),
        "pairs": {"usable": len(pairs), "dropped": len(tokenised.dropped), "truncated": tokenised.truncated.pairs},
        "tokens": {"perEpoch": sum(lengths), "trained": total_tokens, "longestPair": lengths[0]},
        "steps": steps,
        "batchSize": training.batch_size,
        "microBatchSize": micro,
        "microBatchBasis": basis,
        "memory": [part.to_json() for part in found],
        "totalBytes": sum(part.bytes for part in found),
        "freeBytes": _free(here) if here.type == target else None,
        "time": plan.time(job.get("flops"), total_tokens),
    }


def _encoded(pair: TokenisedPair) -> int:
    """Tokens of a pair whose prompt is encoded once."""
    return len(pair.prompt_ids) + len(pair.rejected_prompt_ids or ()) + len(pair.chosen_ids) + len(pair.rejected_ids)


def _dtype(settings: ModelSettings, device: str) -> torch.dtype:
    if settings.dtype == "auto":
        return torch.bfloat16 if device == "cuda" else torch.float32
    dtype: torch.dtype = getattr(torch, settings.dtype)
    return dtype


def _as_trained(model: Any, settings: ModelSettings) -> Any:
    """A model without values, its adapter included."""
    with torch.device("meta"):
        if settings.gradient_checkpointing:
            model.train()
            model.activation_checkpointing_enable({"use_reentrant": False})
        if settings.adapter is None:
            return model
        from peft import LoraConfig, get_peft_model  # noqa: PLC0415

        modules = settings.adapter.target_modules
        lora = LoraConfig(
            r=settings.adapter.rank,
            lora_alpha=settings.adapter.alpha,
            target_modules="all-linear" if modules is None else list(modules),
            task_type="CAUSAL_LM",
        )
        return get_peft_model(model, lora)


def _tokenised(
    data: Mapping[str, Any], folder: Path, settings: ModelSettings, training: TrainingSettings
) -> TokenisedPreferences:
    preferences = load_preferences(DataSpec.from_json(data))
    options = TokeniseOptions(
        training.max_length,
        training.max_prompt_length,
        training.truncation,
        settings.chat_template,
        settings.accept_template,
    )
    return tokenise(preferences.rows, load_tokenizer(folder, settings), options)


def _steps(pairs: int, training: TrainingSettings) -> int:
    steps = training.epochs * -(-pairs // training.batch_size)
    return steps if training.max_steps is None else min(steps, training.max_steps)


def _model_json(folder: Path, stored: Stored | None, sizes: Sizes, dtype: torch.dtype) -> dict[str, object]:
    return {
        "path": str(folder),
        "parameters": sizes.all - sizes.adapter,
        "trained": sizes.trained,
        "computesIn": str(dtype).removeprefix("torch."),
        "storedBytes": stored.bytes if stored else None,
        "storedAs": sorted(stored.dtypes) if stored else [],
    }


@dataclass(frozen=True)
class _Plan:
    """What is trained, on what, and how."""

    config: Any
    settings: ModelSettings
    training: TrainingSettings
    sizes: Sizes
    pairs: Sequence[TokenisedPair]
    dtype: torch.dtype
    here: torch.device
    target: str  # cpu or cuda
    micro: int

    def time(self, flops: float | None, tokens: int) -> dict[str, object]:
        """Reference once over the data, then training; optimizer steps, sampling and loading are not counted."""
        whole = self.settings.adapter is None
        if flops:
            forward = 2 * (self.sizes.linear + self.sizes.head) / (REACHED * flops)
            both = forward * (3 if whole else 2)
            basis, how = ASSUMED, f"{flops:.3g} FLOP/s as given x {REACHED:g} reached"
        elif self.here.type == self.target and not self.settings.quantization:
            found = speed.measured(self.config, self.pairs, self.dtype, self.here, train=whole)
            forward, both = found.forward, found.both
            layers = self.config.get_text_config().num_hidden_layers
            basis, how = MEASURED, f"one and two of the {layers} layers, {found.tokens} tokens at once, timed now"
        else:
            quantised = self.settings.quantization is not None
            why = "quantised layers are not timed" if quantised else f"there is no {self.target} here"
            return {"seconds": None, "basis": None, "how": f"{why}: give the device's speed with --flops"}
        again = forward if self.settings.gradient_checkpointing else 0.0
        replay = forward if self.micro < self.training.batch_size else 0.0
        per_epoch = sum(token_count(pair) for pair in self.pairs)
        reference, trained = forward * per_epoch, (both + again + replay) * tokens
        return {
            "seconds": reference + trained,
            "reference": reference,
            "training": trained,
            "tokensPerSecond": 1 / (both + again + replay),
            "basis": basis,
            "how": how,
        }


def _free(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil  # noqa: PLC0415

    return int(psutil.virtual_memory().available)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu, {torch.get_num_threads()} thread"
