"""The data of a finetune job, as its model reads them: every token has a row, and every pair has a place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from losslab_trainer.data.template import chosen_template
from losslab_trainer.data.tokenise import TokeniseOptions
from losslab_trainer.finetune.job import Job
from losslab_trainer.finetune.models import LoadedModel
from losslab_trainer.finetune.preparation import PreparedData, prepare
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.reference import model_key
from losslab_trainer.finetune.tokenizer import require_rows


def prepared(job: Job, loaded: LoadedModel) -> tuple[PreparedData, TokeniseOptions]:
    training = job.training
    options = TokeniseOptions(
        max_length=training.max_length,
        max_prompt_length=training.max_prompt_length,
        truncation=training.truncation,
        chat_template=job.model.chat_template,
        accept_template=job.model.accept_template,
    )
    data = prepare(job.json["data"], loaded.tokenizer, options, tokenizer_key=model_key(loaded, asdict(options)))
    if job.model.chat_template is not None and data.conversational:
        # Answers are asked for, and the model saved, with the template it was trained with.
        loaded.tokenizer.chat_template = chosen_template(loaded.tokenizer, job.model.chat_template)
    require_rows(loaded.tokenizer, loaded.model, f"model {job.model.path}", _texts(job, loaded, data))
    longest = getattr(loaded.model.config.get_text_config(), "max_position_embeddings", None)
    if longest is not None and (training.max_length is None or training.max_length > longest):
        length = max(
            len(p.prompt_ids) + max(len(p.chosen_ids), len(p.rejected_ids)) for p in (*data.train, *data.held_out)
        )
        if length > longest:
            raise FinetuneProblem(
                f"training.maxLength: {training.max_length or 'none is set, which'} leaves pairs of {length} tokens, "
                f"and the model has {longest} positions; set maxLength to {longest} or less"
            )
    return data, options


def _texts(job: Job, loaded: LoadedModel, data: PreparedData) -> Iterator[tuple[str, Sequence[int]]]:
    """Token ids of all that the model will read, each with its place."""
    for pair in (*data.train, *data.pool, *data.held_out):
        rejected = pair.rejected_prompt_ids or ()
        yield f"row {pair.row}", pair.prompt_ids + pair.chosen_ids + rejected + pair.rejected_ids
    for question in job.questions:
        for turn in question.turns:
            yield f"question {question.id}", loaded.tokenizer(turn, add_special_tokens=False)["input_ids"]
