"""A fine-tuning job's settings, read from its JSON and checked before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

from losslab_trainer.finetune.problem import FinetuneProblem

T = TypeVar("T")

DTYPES = ("auto", "float32", "bfloat16", "float16")
DEVICES = ("auto", "cpu", "cuda")
SCHEDULES = ("cosine", "linear", "constant")
QUANTIZATIONS = ("4bit", "8bit")
TRAINERS = ("losslab", "trl")


@dataclass(frozen=True)
class AdapterSettings:
    """LoRA. ``target_modules`` None takes every linear layer but the head."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    target_modules: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ModelSettings:
    """Which model, and how it lies in memory."""

    path: str  # a folder in Hugging Face layout, or a Hub id
    revision: str | None = None
    dtype: str = "auto"
    device: str = "auto"
    adapter: AdapterSettings | None = None
    quantization: Literal["4bit", "8bit"] | None = None
    gradient_checkpointing: bool = False
    chat_template: str | None = None
    accept_template: bool = False

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> ModelSettings:
        """Raises FinetuneProblem for an unknown key or a value out of range."""
        known = {"path", "revision", "dtype", "device", "adapter", "quantization", "gradientCheckpointing"}
        _only(value, known | {"chatTemplate", "acceptTemplate"}, "model")
        path = value.get("path")
        if not isinstance(path, str) or not path:
            raise FinetuneProblem("model: `path` must name a folder or a Hub id")
        quantization = value.get("quantization")
        if quantization is not None:
            _one_of(quantization, QUANTIZATIONS, "model.quantization")
        adapter = _adapter(value.get("adapter"))
        if quantization is not None and adapter is None:
            raise FinetuneProblem(
                "model.quantization: quantised weights cannot be trained themselves; add an adapter, such as "
                "`adapter: {rank: 16, alpha: 32}`"
            )
        return ModelSettings(
            path=path,
            revision=value.get("revision"),
            dtype=_one_of(value.get("dtype") or "auto", DTYPES, "model.dtype"),
            device=_one_of(value.get("device") or "auto", DEVICES, "model.device"),
            adapter=adapter,
            quantization=quantization,
            gradient_checkpointing=bool(value.get("gradientCheckpointing", False)),
            chat_template=value.get("chatTemplate"),
            accept_template=bool(value.get("acceptTemplate", False)),
        )


@dataclass(frozen=True)
class TrainingSettings:
    """One training's hyper-parameters. ``batch_size`` is what one optimizer step and one loss evaluation see."""

    learning_rate: float = 5e-7
    batch_size: int = 16
    micro_batch_size: int | None = None  # pairs held in memory with their graph; None decides by what fits
    epochs: int = 1
    max_steps: int | None = None
    warmup_ratio: float = 0.1
    schedule: str = "cosine"
    max_gradient_norm: float = 1.0
    weight_decay: float = 0.0
    seed: int = 1
    logp_scale: float = 1.0  # multiplies the log-probabilities before the loss sees them
    max_length: int | None = 1024
    max_prompt_length: int | None = None
    truncation: Literal["keep_start", "keep_end"] = "keep_start"
    shuffle: bool = True
    metrics_every: int = 10  # steps

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> TrainingSettings:
        """Raises FinetuneProblem for an unknown key or a value out of range."""
        names = {
            "learningRate": "learning_rate",
            "batchSize": "batch_size",
            "microBatchSize": "micro_batch_size",
            "epochs": "epochs",
            "maxSteps": "max_steps",
            "warmupRatio": "warmup_ratio",
            "schedule": "schedule",
            "maxGradientNorm": "max_gradient_norm",
            "weightDecay": "weight_decay",
            "seed": "seed",
            "logpScale": "logp_scale",
            "maxLength": "max_length",
            "maxPromptLength": "max_prompt_length",
            "truncation": "truncation",
            "shuffle": "shuffle",
            "metricsEvery": "metrics_every",
        }
        _only(value, set(names), "training")
        settings = TrainingSettings(**{names[key]: item for key, item in value.items()})
        _one_of(settings.schedule, SCHEDULES, "training.schedule")
        _one_of(settings.truncation, ("keep_start", "keep_end"), "training.truncation")
        at_least_one = {"batchSize": settings.batch_size, "epochs": settings.epochs}
        optional = {"microBatchSize": settings.micro_batch_size, "maxSteps": settings.max_steps}
        optional |= {"maxLength": settings.max_length, "maxPromptLength": settings.max_prompt_length}
        for name, number in (at_least_one | {k: n for k, n in optional.items() if n is not None}).items():
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise FinetuneProblem(f"training.{name}: must be a whole number from 1, not {number!r}")
        if not settings.learning_rate > 0:
            raise FinetuneProblem(f"training.learningRate: must be above 0, not {settings.learning_rate!r}")
        if not 0 <= settings.warmup_ratio <= 1:
            raise FinetuneProblem(f"training.warmupRatio: must be from 0 to 1, not {settings.warmup_ratio!r}")
        return settings


def _adapter(value: Mapping[str, Any] | None) -> AdapterSettings | None:
    if value is None:
        return None
    _only(value, {"rank", "alpha", "dropout", "targetModules"}, "model.adapter")
    modules = value.get("targetModules")
    rank, dropout = value.get("rank", 16), value.get("dropout", 0.0)
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        raise FinetuneProblem(f"model.adapter.rank: must be a whole number from 1, not {rank!r}")
    if not 0 <= dropout < 1:
        raise FinetuneProblem(f"model.adapter.dropout: must be from 0 to below 1, not {dropout!r}")
    return AdapterSettings(rank, value.get("alpha", 2 * rank), dropout, None if modules is None else tuple(modules))


def _only(value: Mapping[str, Any], known: set[str], place: str) -> None:
    unknown = sorted(set(value) - known)
    if unknown:
        raise FinetuneProblem(f"{place}: unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")


def _one_of(value: T, choices: tuple[str, ...], place: str) -> T:
    if value not in choices:
        raise FinetuneProblem(f"{place}: {value!r} is not one of {', '.join(choices)}")
    return cast(T, value)
