"""TRL's DPOTrainer as tests compare with it: rows in order, fp32 on the CPU, every step logged, nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def in_order(trainer: type) -> Any:
    """``trainer`` visiting its rows in their order."""
    from torch.utils.data import SequentialSampler  # noqa: PLC0415

    class InOrder(trainer):  # type: ignore[misc]
        def _get_train_sampler(self, dataset: Any = None) -> Any:
            return SequentialSampler(dataset or self.train_dataset)

    return InOrder


def exact_config(folder: Path, **settings: Any) -> Any:
    """A DPOConfig of one epoch without anything that would change numbers; ``settings`` are DPOConfig's."""
    from trl import DPOConfig  # noqa: PLC0415  # seconds

    plain: dict[str, Any] = {
        "num_train_epochs": 1,
        "max_grad_norm": 1.0,
        "bf16": False,
        "gradient_checkpointing": False,
        "use_cpu": True,
        "save_strategy": "no",
        "report_to": [],
        "logging_steps": 1,
        "disable_tqdm": True,
    }
    return DPOConfig(str(folder), **(plain | settings))


def logged_steps(trainer_class: type, model: Any, tokenizer: Any, rows: Sequence[Any], config: Any) -> tuple[Any, Any]:
    """Trains; returns the trainer and what it logged at each step."""
    from datasets import Dataset  # noqa: PLC0415

    trainer: Any = trainer_class(
        model, args=config, train_dataset=Dataset.from_list(list(rows)), processing_class=tokenizer
    )
    trainer.train()
    return trainer, [entry for entry in trainer.state.log_history if "rewards/margins" in entry]
