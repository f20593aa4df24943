"""What a finetune job's JSON says, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from losslab_trainer.answers import Question, read_questions
from losslab_trainer.finetune import generation
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.settings import TRAINERS, ModelSettings, TrainingSettings


@dataclass(frozen=True)
class Job:
    """What the job's JSON says, checked."""

    model: ModelSettings
    training: TrainingSettings
    loss_name: str
    source: str | None
    beta: float
    output: Path
    questions: list[Question]
    json: Mapping[str, Any]

    @staticmethod
    def of(job: Mapping[str, Any]) -> Job:
        if job.get("trainer", "losslab") not in TRAINERS:
            raise FinetuneProblem(f"trainer: {job['trainer']!r} is not one of {', '.join(TRAINERS)}")
        if job.get("trainer") == "trl" and job["model"].get("dtype") == "float16":
            raise FinetuneProblem(
                "model.dtype: trainer trl leaves out steps that overflow in float16; take bfloat16, or trainer losslab"
            )
        loss = job.get("loss")
        try:
            questions = read_questions(job.get("questions") or [])
        except (OSError, ValueError, KeyError) as error:
            raise FinetuneProblem(
                f"questions: {error}; give files with a question_id and turns in each line"
            ) from error
        return Job(
            ModelSettings.from_json(job["model"]),
            TrainingSettings.from_json(job.get("training") or {}),
            "untrained" if loss is None else str(loss["name"]),
            None if loss is None else loss["source"],
            float(job["beta"]),
            Path(job["output"]),
            questions,
            job,
        )

    @property
    def plans(self) -> dict[str, generation.Plan]:
        return {
            str(spec["name"]): generation.Plan(
                spec["temperature"],
                spec["samples"],
                generation.stream(self.training.seed, spec["name"]),
                generation.Shape.read(spec.get("shape")),
            )
            for spec in self.json.get("sampling") or []
        }

    @property
    def max_new_tokens(self) -> int:
        return int(self.json.get("maxNewTokens") or 512)
