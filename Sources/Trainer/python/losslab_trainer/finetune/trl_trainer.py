"""The same training inside TRL's DPOTrainer, under accelerate: for several GPUs, FSDP and DeepSpeed.

Data, order, optimizer and schedule are those of loop.py. The loss sees the whole effective batch here too: before an
optimizer step, the log-probabilities of all its micro-batches and of all processes are brought together, every process
asks its own loss process, and each micro-batch then carries its share of the partial derivatives.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from torch.utils.data import Sampler
from transformers import TrainerCallback
from trl import DPOConfig, DPOTrainer

from losslab_trainer.contract import LossEvaluator, LossRejected, LossValues
from losslab_trainer.finetune.last_batch import require_last_batch
from losslab_trainer.finetune.layout import Pair, token_count
from losslab_trainer.finetune.loop import OnMetrics, Outcome, batch_order, check_divergence
from losslab_trainer.finetune.memory import is_out_of_memory
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.scoring import PairScorer
from losslab_trainer.finetune.settings import TrainingSettings
from losslab_trainer.finetune.sides import SidedScorer
from losslab_trainer.metrics import MetricWindow
from losslab_trainer.reference_cache import ReferenceLogps
from losslab_trainer.screening.own_pairs import Ground
from losslab_trainer.watched_loss import probe_first

PARTIALS = ("for_chosen", "for_rejected")
WINDOWED = ("epoch", "step", "num_tokens", "total_flos")  # of TRL's log, not to be averaged


@dataclass(frozen=True)
class LossSettings:
    """How the loss is asked."""

    loss: LossEvaluator
    beta: float
    logp_scale: float


def train(
    scorer: PairScorer,
    pairs: Sequence[Pair],
    reference: ReferenceLogps,
    loss: LossEvaluator,
    *,
    beta: float,
    settings: TrainingSettings,
    tokenizer: Any,
    on_metrics: OnMetrics = lambda step, values: None,
) -> Outcome:
    """As loop.train. Out of memory is a FinetuneProblem here: TRL's batches are fixed before training."""
    if any(pair.rejected_prompt_ids is not None for pair in pairs):
        raise FinetuneProblem("trainer trl: training.truncation keep_end gives a pair two prompts; use keep_start")
    if isinstance(scorer, SidedScorer) and len(scorer.sides(pairs)) > 1:
        raise FinetuneProblem(
            "trainer trl: pads pairs of all lengths together, and this model reads a short sequence otherwise beside a "
            "long one; take trainer losslab, or a training.maxLength at which all pairs are on one side"
        )
    batches = batch_order(len(pairs), settings)
    require_last_batch(loss, batches, settings.batch_size, beta, settings.logp_scale)
    probe_first(loss, Ground(batches, reference, beta, settings.logp_scale))
    processes = _processes()
    micro = settings.micro_batch_size or max(1, settings.batch_size // processes)
    if settings.batch_size % (micro * processes):
        raise FinetuneProblem(
            f"trainer trl: training.batchSize {settings.batch_size} is not a multiple of microBatchSize {micro} "
            f"times {processes} process(es)"
        )
    recorder = _Recorder(settings.metrics_every, len(batches), on_metrics)
    with tempfile.TemporaryDirectory() as folder:
        trainer = LossTrainer(
            LossSettings(loss, beta, settings.logp_scale),
            _EpochOrder(len(pairs), settings),
            model=scorer.model,
            args=_arguments(folder, settings, scorer, micro, len(batches)),
            train_dataset=_dataset(pairs, reference),
            processing_class=tokenizer,
            callbacks=[recorder],
        )
        started = time.perf_counter()
        try:
            trainer.train()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise FinetuneProblem(
                f"trainer trl: out of memory with training.microBatchSize {micro}; set it lower, or set "
                "model.gradientCheckpointing"
            ) from error
        finally:
            scorer.causal.__dict__.pop("forward", None)  # TRL's and accelerate's wrappers
            if "ref" in getattr(scorer.model, "peft_config", {}):
                scorer.model.delete_adapter("ref")  # TRL's copy of the adapter as it was
    seconds = time.perf_counter() - started
    tokens = sum(token_count(pairs[i]) for batch in batches for i in batch)
    return Outcome(
        steps=len(trainer.losses),
        metrics=recorder.last,
        losses=trainer.losses,
        gradient_norms=recorder.norms,
        micro_batch_size=micro,
        tokens=tokens,
        seconds=seconds,
    )


class LossTrainer(DPOTrainer):  # type: ignore[misc]  # trl is untyped here
    """A DPOTrainer whose loss is asked of a loss evaluator, over tokenised pairs with reference values."""

    def __init__(self, how: LossSettings, order: _EpochOrder, **arguments: Any) -> None:
        self.how = how
        self.order = order
        self.losses: list[float] = []
        super().__init__(**arguments)

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset  # tokenised already

    def _precompute_ref_logps(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset  # has them already

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        return self.order

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> Any:
        """The micro-batches of one optimizer step; where there are several, with what each has to backpropagate."""
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        if len(batches) * self.accelerator.num_processes > 1:
            self._ask_for_all(batches)
        return batches, items

    def _ask_for_all(self, batches: Sequence[dict[str, Any]]) -> None:
        vectors: list[list[Tensor]] = []
        for batch in batches:
            inputs = self._prepare_inputs(batch)
            with torch.no_grad(), self.compute_loss_context_manager():
                chosen, rejected = self._logps(self.model_wrapped, inputs)
            vectors.append([chosen, rejected, *_given(inputs)])
        local = [torch.cat([row[i] for row in vectors]).float() for i in range(6)]
        values = self._ask(*(self.accelerator.gather(vector) for vector in local))
        # This process's pairs lie together in what was gathered.
        begin = self.accelerator.process_index * len(local[0])
        for batch in batches:
            end = begin + len(batch["ref_chosen_logps"])
            partials = (values.policy_chosen_grad[begin:end], values.policy_rejected_grad[begin:end])
            batch.update(zip(PARTIALS, partials, strict=True))
            begin = end

    def _ask(self, *vectors: Tensor) -> LossValues:
        """The loss's answer to both sides' log-probabilities, reference values and lengths, (B,) each."""
        chosen, rejected, reference_chosen, reference_rejected, *lengths = vectors
        check_divergence(
            self.state.global_step + 1,
            chosen - reference_chosen,
            rejected - reference_rejected,
            torch.stack(lengths, 1),
        )
        scale = self.how.logp_scale
        values = self.how.loss.evaluate(
            chosen * scale, rejected * scale, reference_chosen * scale, reference_rejected * scale, self.how.beta
        )
        self.losses.append(float(values.losses.mean()))
        self._note(chosen, rejected, reference_chosen, reference_rejected)
        return values

    def _logps(self, model: Any, inputs: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
        labels = inputs["input_ids"].masked_fill(inputs["completion_mask"] == 0, -100)
        outputs = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            use_cache=False,
            labels=labels,
            fused_lm_head=True,
        )
        chosen, rejected = outputs.log_probs.sum(1).chunk(2)
        return chosen, rejected

    def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Tensor:
        chosen, rejected = self._logps(model, inputs)
        if PARTIALS[0] in inputs:
            for_chosen, for_rejected = inputs[PARTIALS[0]], inputs[PARTIALS[1]]
        else:
            values = self._ask(chosen.detach().float(), rejected.detach().float(), *_given(inputs))
            for_chosen, for_rejected = values.policy_chosen_grad, values.policy_rejected_grad
        self._total_train_tokens += int(self.accelerator.gather(inputs["attention_mask"].sum()).sum())
        self._metrics["train"]["num_tokens"] = [self._total_train_tokens]
        share = (for_chosen * chosen).sum() + (for_rejected * rejected).sum()
        share = share * self.how.logp_scale
        # The trainer takes the mean over micro-batches and processes; these shares belong added up.
        scaled: Tensor = share * self.current_gradient_accumulation_steps * self.accelerator.num_processes
        # The value that is logged is the loss's.
        return scaled - scaled.detach() + self.losses[-1]

    def _note(self, chosen: Tensor, rejected: Tensor, reference_chosen: Tensor, reference_rejected: Tensor) -> None:
        scale = self.how.beta * self.how.logp_scale
        chosen_rewards, rejected_rewards = scale * (chosen - reference_chosen), scale * (rejected - reference_rejected)
        values = {
            "rewards/chosen": chosen_rewards,
            "rewards/rejected": rejected_rewards,
            "rewards/margins": chosen_rewards - rejected_rewards,
            "rewards/accuracies": (chosen_rewards > rejected_rewards).float(),
            "logps/chosen": chosen,
            "logps/rejected": rejected,
        }
        for name, value in values.items():
            self._metrics["train"][name].append(float(value.mean()))


class _EpochOrder(Sampler[int]):
    """The order of loop.py: each epoch the next permutation that the seed gives."""

    def __init__(self, count: int, settings: TrainingSettings) -> None:
        self.count = count
        self.shuffle = settings.shuffle
        self.generator = torch.Generator().manual_seed(settings.seed)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        order = torch.randperm(self.count, generator=self.generator).tolist() if self.shuffle else range(self.count)
        yield from order


class _Recorder(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
    """Passes on what TRL logs, as means over some steps, and keeps every gradient norm."""

    def __init__(self, every: int, steps: int, on_metrics: Callable[[int, Mapping[str, float]], None]) -> None:
        self.every = every
        self.steps = steps
        self.on_metrics = on_metrics
        self.window = MetricWindow()
        self.norms: list[float] = []
        self.last: dict[str, float] = {}

    def on_log(self, _: Any, state: Any, control: Any, logs: Mapping[str, float] | None = None, **__: Any) -> None:
        if logs is None or "rewards/margins" not in logs:
            return
        self.norms.append(float(logs["grad_norm"]))
        if not math.isfinite(self.norms[-1]):
            raise LossRejected("diverged", "the gradient is not finite", details={"step": state.global_step})
        self.window.add({name: torch.tensor(float(value)) for name, value in logs.items() if name not in WINDOWED})
        if state.global_step % self.every == 0 or state.global_step == self.steps:
            self.last = self.window.take() | {"num_tokens": float(logs["num_tokens"])}
            self.on_metrics(state.global_step, self.last)


def _given(inputs: Mapping[str, Any]) -> list[Tensor]:
    """Reference values of both sides and the lengths of both completions."""
    chosen, rejected = inputs["completion_mask"].sum(1).chunk(2)
    return [inputs["ref_chosen_logps"], inputs["ref_rejected_logps"], chosen, rejected]


def _processes() -> int:
    """Of the distributed run this process belongs to."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def _arguments(folder: str, settings: TrainingSettings, scorer: PairScorer, micro: int, steps: int) -> DPOConfig:
    schedule = "constant_with_warmup" if settings.schedule == "constant" else settings.schedule
    return DPOConfig(
        folder,
        precompute_ref_log_probs=True,
        max_length=None,  # cut already
        learning_rate=settings.learning_rate,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=settings.batch_size // (micro * _processes()),
        num_train_epochs=settings.epochs,
        max_steps=steps,
        warmup_steps=math.ceil(settings.warmup_ratio * steps),
        lr_scheduler_type=schedule,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_gradient_norm,
        seed=settings.seed,
        use_cpu=scorer.device.type == "cpu",
        bf16=scorer.autocast == torch.bfloat16,
        fp16=scorer.autocast == torch.float16,
        activation_checkpointing=bool(scorer.causal.is_activation_checkpointing),
        disable_dropout=False,  # the model's own is off already; an adapter's is meant
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
    )


def _dataset(pairs: Sequence[Pair], reference: ReferenceLogps) -> Dataset:
    # Pairs that no step visits have no reference value; TRL's collator wants a number there all the same.
    return Dataset.from_dict(
        {
            "prompt_ids": [list(pair.prompt_ids) for pair in pairs],
            "chosen_ids": [list(pair.chosen_ids) for pair in pairs],
            "rejected_ids": [list(pair.rejected_ids) for pair in pairs],
            "ref_chosen_logps": reference.chosen.float().tolist(),
            "ref_rejected_logps": reference.rejected.float().tolist(),
        }
    )
