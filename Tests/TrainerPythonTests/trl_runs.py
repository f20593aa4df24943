"""TRL's DPOTrainer as tests compare with it: rows in order, fp32 on the CPU, every step logged, nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
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


def trl_rows(
    raw: list[dict[str, Any]], tokenizer: Any, max_length: int | None = None, truncation: str = "keep_start"
) -> list[Any]:
    """What TRL makes of raw rows: one tuple (ids with chosen, its mask, ids with rejected, its mask) a row."""
    from datasets import Dataset, disable_progress_bars  # noqa: PLC0415
    from trl import DPOConfig, DPOTrainer  # noqa: PLC0415
    from trl.trainer.dpo_trainer import DataCollatorForPreference  # noqa: PLC0415

    disable_progress_bars()
    config = DPOConfig(
        "unused", max_length=max_length, truncation_mode=truncation, use_cpu=True, bf16=False, report_to=[]
    )
    prepared = DPOTrainer._prepare_dataset(
        SimpleNamespace(_tokenizer=tokenizer), Dataset.from_list(raw), tokenizer, config, "train"
    )
    collate = DataCollatorForPreference(tokenizer.pad_token_id, max_length=max_length, truncation_mode=truncation)
    found = []
    for row in prepared:
        batch = collate([row])
        sides = []
        for i in (0, 1):
            real = batch["attention_mask"][i].bool()
            sides += [batch["input_ids"][i][real].tolist(), batch["completion_mask"][i][real].tolist()]
        found.append(tuple(sides))
    return found
