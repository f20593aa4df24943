"""The job ``label``: preference pairs from a policy's own answers and a model that grades them, without any API.

Prompts are answered several times each, every answer is graded, and better and worse answers to one prompt become a
pair. Plain prompts are continued and graded as one text, as a reward-against-KL experiment on review prefixes needs it;
a policy with a chat template answers a user's turn instead.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.rows import Text
from losslab_trainer.finetune.asking import Asking
from losslab_trainer.finetune.classifier import Classifier
from losslab_trainer.finetune.evaluation import mean_json
from losslab_trainer.finetune.finite import require_finite_prompts
from losslab_trainer.finetune.generation import Plan, TransformersEngine, stream
from losslab_trainer.finetune.models import load_model
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.prompt_choice import divided, prompts_of, write_questions
from losslab_trainer.finetune.settings import ModelSettings
from losslab_trainer.finetune.sides import scorer_for, side_for_sampling
from losslab_trainer.finetune.stopping import refusal, stop_ids
from losslab_trainer.finetune.tokenizer import require_rows

if TYPE_CHECKING:
    from losslab_trainer.serve import Context

PROMPTS_AT_ONCE = 256  # sampled, graded and written before the next; part of what a seed stands for
PAIRINGS = ("best-worst", "all")


def label(job: Mapping[str, Any], context: Context) -> dict[str, object]:
    """Writes pairs to ``output`` and says how many, and what came of everything else.

    The job: ``model`` as in a finetune job; ``judge`` (path), ``label`` (the class that counts, for a classifier);
    ``prompts`` (a source), ``column``, ``promptTokens`` ([least, most], cuts each text to a beginning), ``count``
    (prompts drawn by the seed), ``heldOut`` and ``questions`` (so many other prompts go to that question file);
    ``plain``, ``samples``, ``temperature``, ``maxNewTokens``, ``pairing``, ``tieMargin``, ``answerOnly``, ``seed``,
    ``output``. Prompts, models or options that cannot be used give ``{"problem": sentence}``.
    """
    try:
        return _label(job, context)
    except (FinetuneProblem, DataProblem) as problem:
        return {"problem": str(problem)}


@dataclass(frozen=True)
class Graded:
    """One answer: its text as it follows the prompt, its score, and whether it was cut at the longest length."""

    text: str
    score: float
    cut: bool


def _label(job: Mapping[str, Any], context: Context) -> dict[str, object]:
    started = time.perf_counter()
    if job["pairing"] not in PAIRINGS:
        raise FinetuneProblem(f"pairing: {job['pairing']!r} is not one of {', '.join(PAIRINGS)}")
    if job["samples"] < 2 or not job["temperature"] > 0:
        raise FinetuneProblem("samples must be at least 2 and temperature above 0: a pair takes two different answers")
    loaded = load_model(ModelSettings.from_json(job["model"]), trained=False)
    asking = Asking.of(job, loaded)
    prompts, dropped, notes = prompts_of(job, asking)
    prompts, held_out = divided(prompts, job)
    asked = (("a prompt", asking.ids(prompt)) for prompt in prompts)
    require_rows(loaded.tokenizer, loaded.model, f"model {loaded.settings.path}", asked)
    require_finite_prompts(loaded, [asking.ids(prompt) for prompt in prompts[:PROMPTS_AT_ONCE]])
    judge = Classifier.load(ModelSettings.from_json({"path": job["judge"]} | _device(job)), job.get("label"))
    write_questions(held_out, job)
    if not asking.plain and (refused := refusal(loaded.tokenizer)) is not None:
        notes.append(refused)
    ids = [asking.ids(prompt) for prompt in prompts]
    side = side_for_sampling(scorer_for(loaded.model, autocast=loaded.autocast), ids, int(job["maxNewTokens"]))
    asking = replace(asking, loaded=replace(loaded, side=side))
    counts: Counter[str] = Counter()
    scores: list[float] = []
    margins: list[float] = []
    output = Path(job["output"])
    partial = output.with_name(output.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        for start in range(0, len(prompts), PROMPTS_AT_ONCE):
            part = prompts[start : start + PROMPTS_AT_ONCE]
            answers = _graded(part, asking, judge, job, stream(job["seed"], f"label {start}"))
            for prompt, own in zip(part, answers, strict=True):
                counts["answers"] += len(own)
                counts["cut"] += sum(answer.cut for answer in own)
                scores.append(sum(answer.score for answer in own) / len(own))
                for better, worse in pairs_of(own, job["pairing"], job["tieMargin"], counts):
                    margins.append(better.score - worse.score)
                    row = asking.row(prompt, better.text, worse.text)
                    row |= {"score_chosen": better.score, "score_rejected": worse.score}
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
            context.emit_metrics(start + len(part), {"prompts": start + len(part), "pairs": len(margins)})
    partial.replace(output)
    return {
        "prompts": len(prompts),
        "heldOut": len(held_out),
        "dropped": dict(sorted(dropped.items())),
        "answers": counts["answers"],
        "cutAnswers": counts["cut"],
        "emptyAnswers": counts["empty"],
        "pairs": len(margins),
        "ties": counts["ties"],
        "identical": counts["identical"],
        "score": mean_json(torch.tensor(scores, dtype=torch.float64)),
        "margin": mean_json(torch.tensor(margins, dtype=torch.float64)) if margins else None,
        "unit": "reward" if judge.positive is None else f"probability of {job['label']}",
        "layout": "explicit-plain" if asking.plain else "explicit-conversational",
        "notes": notes,
        "device": str(loaded.device),
        "seconds": time.perf_counter() - started,
    }


def _graded(
    prompts: Sequence[Text], asking: Asking, judge: Classifier, job: Mapping[str, Any], seed: int
) -> list[list[Graded]]:
    """As [prompt][sample]."""
    loaded, samples, most = asking.loaded, int(job["samples"]), int(job["maxNewTokens"])
    engine = TransformersEngine(loaded.model, loaded.tokenizer, loaded.side)
    ids = [own for prompt in prompts for own in [asking.ids(prompt)] * samples]
    completed = engine.complete(ids, Plan(job["temperature"], samples, seed), most)
    texts = [asking.answer(own, tokens) for own, tokens in zip(ids, completed, strict=True)]
    asked = [prompt for prompt in prompts for _ in range(samples)]
    only = bool(job.get("answerOnly"))
    scores = judge.scores(
        [asking.judged_ids(p, text, judge, answer_only=only) for p, text in zip(asked, texts, strict=True)]
    )
    stops = stop_ids(loaded.model, loaded.tokenizer)
    flat = [
        Graded(text, score, len(tokens) == most and tokens[-1] not in stops)
        for text, score, tokens in zip(texts, scores, completed, strict=True)
    ]
    return [flat[i : i + samples] for i in range(0, len(flat), samples)]


def pairs_of(
    answers: Sequence[Graded], pairing: str, tie_margin: float, counts: Counter[str]
) -> Iterator[tuple[Graded, Graded]]:
    """Better and worse answers to one prompt; counts what makes no pair as `empty`, `identical` or `ties`."""
    usable = [answer for answer in answers if answer.text.strip()]
    counts["empty"] += len(answers) - len(usable)
    if pairing == "all":
        candidates = list(combinations(usable, 2))
    else:
        # Of equal scores the first answer: what is drawn by a seed stays.
        ranked = sorted(usable, key=lambda answer: -answer.score)
        candidates = [(ranked[0], ranked[-1])] if len(ranked) > 1 else []
    for one, other in candidates:
        better, worse = (one, other) if one.score >= other.score else (other, one)
        if better.text == worse.text:
            counts["identical"] += 1
        elif better.score - worse.score <= tie_margin:
            counts["ties"] += 1
        else:
            yield better, worse


def _device(job: Mapping[str, Any]) -> dict[str, Any]:
    """The judge runs where the policy does."""
    device = job["model"].get("device")
    return {} if device is None else {"device": device}
