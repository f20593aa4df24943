"""Loads any causal language model of transformers for training: dtype, device, adapter, quantisation."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from losslab_trainer.finetune.checkpoint import load_checkpoint
from losslab_trainer.finetune.folder import check_folder, require_name
from losslab_trainer.finetune.problem import FinetuneProblem, first_line
from losslab_trainer.finetune.settings import AdapterSettings, ModelSettings
from losslab_trainer.finetune.sides import Side
from losslab_trainer.finetune.tokenizer import fit, load_tokenizer

# Names under which architectures keep a dropout probability that they apply themselves.
DROPOUT_NAMES = ("dropout", "attention_dropout", "activation_dropout", "hidden_dropout", "layerdrop")
logging.disable_progress_bar()  # a worker's output is a log
HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to train, with what it was made from."""

    model: Any  # transformers.PreTrainedModel, or peft.PeftModel around one
    tokenizer: Any
    folder: Path
    settings: ModelSettings
    dtype: torch.dtype  # in which it computes
    autocast: torch.dtype | None  # set where weights stay in float32 and only the computation is shorter
    side: Side | None = None  # by which prompts are continued together, where trying found one (sides.py)

    @property
    def device(self) -> torch.device:
        device: torch.device = next(self.model.parameters()).device
        return device

    @property
    def has_adapter(self) -> bool:
        return self.settings.adapter is not None


def model_folder(settings: ModelSettings, role: str = "model") -> Path:
    """The folder a model lies in, looked at; one of the Hub is fetched first. Raises FinetuneProblem."""
    folder = _folder(settings)
    check_folder(folder, f"{role} {settings.path}")
    return folder


def _folder(settings: ModelSettings) -> Path:
    path = Path(settings.path)
    require_name(path)
    if path.is_dir():
        return path
    if path.is_absolute() or settings.path.startswith(".") or settings.path.count("/") != 1:
        raise FinetuneProblem(f"model {settings.path}: no such folder, and not a Hub id (owner/name)")
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        return Path(snapshot_download(settings.path, revision=settings.revision, allow_patterns=HUB_FILES))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise FinetuneProblem(
            f"model {settings.path}: not a folder here, and the Hub did not give it ({first_line(error)}). "
            "Check the id and the connection, log in with `hf auth login` where it is gated, or give a local folder"
        ) from error


def load_model(settings: ModelSettings, *, seed: int = 1, trained: bool = True) -> LoadedModel:
    """A model without dropout of its own, in evaluation mode. Raises FinetuneProblem.

    ``seed`` draws an adapter's first weights. Trained weights are float32 whatever the dtype: steps as small as
    learning rates of 1e-6 make are lost in 16 bits.
    """
    folder = model_folder(settings)
    device = _device(settings)
    dtype = _dtype(settings, device)
    whole = trained and settings.adapter is None
    autocast = dtype if whole and dtype not in (torch.float32, torch.float64) else None
    options: dict[str, Any] = {"dtype": torch.float32 if autocast else dtype}
    if settings.quantization:
        options |= _quantization(settings, dtype, device)
    model = load_checkpoint(
        AutoModelForCausalLM,
        folder,
        f"model {settings.path}",
        **options,
    )
    if not settings.quantization:
        model.to(device)
    without_dropout(model)
    tokenizer = load_tokenizer(folder, settings)
    fit(tokenizer, model, f"model {settings.path}")
    if settings.adapter is not None:
        torch.manual_seed(seed)
        model = _with_adapter(model, settings.adapter)
    return LoadedModel(model.eval(), tokenizer, folder, settings, dtype, autocast)


def without_dropout(model: nn.Module) -> None:
    """Switches off every dropout, as TRL does: a policy's log-probabilities are those of the policy that answers."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name in DROPOUT_NAMES:
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


def checkpoint_gradients(model: Any) -> None:
    """Trades time for memory: layers are computed again in the backward pass."""
    model.train()  # transformers checkpoints in training mode only; dropout is off all the same
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    whole.activation_checkpointing_enable({"use_reentrant": False})


def _with_adapter(model: Any, adapter: AdapterSettings) -> Any:
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415  # seconds

    config = LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules="all-linear" if adapter.target_modules is None else list(adapter.target_modules),
        task_type="CAUSAL_LM",
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise FinetuneProblem(f"model.adapter.targetModules: {first_line(error)}") from error


def _device(settings: ModelSettings) -> torch.device:
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise FinetuneProblem("model.device: cuda was asked for and torch finds none here; take `auto` or `cpu`")
    use = settings.device != "cpu" and torch.cuda.is_available()
    return torch.device("cuda", torch.cuda.current_device()) if use else torch.device("cpu")


def _dtype(settings: ModelSettings, device: torch.device) -> torch.dtype:
    if settings.dtype == "auto":
        return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
    dtype: torch.dtype = getattr(torch, settings.dtype)
    return dtype


def _quantization(settings: ModelSettings, dtype: torch.dtype, device: torch.device) -> dict[str, Any]:
    if importlib.util.find_spec("bitsandbytes") is None:
        raise FinetuneProblem(
            f"model.quantization: {settings.quantization} needs the package bitsandbytes; "
            "install it into the venv (pip install bitsandbytes), or leave quantization out"
        )
    from transformers import BitsAndBytesConfig  # noqa: PLC0415

    if settings.quantization == "8bit":
        config = BitsAndBytesConfig(load_in_8bit=True)
    else:
        config = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
    return {"quantization_config": config, "device_map": {"": device}}
