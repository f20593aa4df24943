"""What a finetune job asks its policy: answers to its questions, written down, and their divergence."""

from __future__ import annotations

from pathlib import Path

from losslab_trainer.answers import write_answers
from losslab_trainer.finetune import divergence, generation, stopping
from losslab_trainer.finetune.job import Job
from losslab_trainer.finetune.models import LoadedModel
from losslab_trainer.finetune.scoring import PairScorer
from losslab_trainer.finetune.sides import Side, side_for_sampling

Answers = dict[str, list[list[list[generation.Answer]]]]  # by sampling, as [question][sample][turn]


def side(job: Job, loaded: LoadedModel, scorer: PairScorer) -> Side | None:
    """By which questions are answered together, tried with the longest of them."""
    if not job.questions or not (job.plans or job.json.get("klSamples")):
        return None
    asked = [{"role": "user", "content": turn} for question in job.questions for turn in question.turns]
    prompts = [generation.prompt_ids(loaded.tokenizer, [turn]) for turn in asked]
    return side_for_sampling(scorer, prompts, job.max_new_tokens)


def sample(job: Job, loaded: LoadedModel, weights: Path | None) -> Answers:
    if not job.questions or not job.plans:
        return {}
    engine: generation.Engine = generation.TransformersEngine(loaded.model, loaded.tokenizer, loaded.side)
    if weights is not None and job.json.get("trainer") != "trl" and generation.vllm_is_here():
        engine = generation.VllmEngine(weights, loaded.tokenizer, stopping.stop_ids(loaded.model, loaded.tokenizer))
    return {
        name: generation.answer_questions(engine, loaded.tokenizer, job.questions, plan, job.max_new_tokens)
        for name, plan in job.plans.items()
    }


def write(job: Job, answers: Answers) -> dict[str, str]:
    """Writes one answer file for each sampling and returns the names."""
    files = {name: f"answers-{name}.jsonl" for name in answers}
    for name, file in files.items():
        texts = [[[answer.text for answer in turns] for turns in samples] for samples in answers[name]]
        write_answers(job.output / file, job.loss_name, job.questions, texts)
    return files


def sampled_kl(job: Job, loaded: LoadedModel, scorer: PairScorer) -> dict[str, object] | None:
    samples = int(job.json.get("klSamples") or 0)
    if not samples or not job.questions:
        return None
    plan = generation.Plan(1.0, samples, generation.stream(job.training.seed, "kl"))
    return divergence.sampled_kl(loaded, scorer, job.questions, plan, job.max_new_tokens)
