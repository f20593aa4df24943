"""Which prompts are labelled: a source's different ones, cut where that was asked for, some held out as questions."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from losslab_trainer.data.prompts import load_prompts
from losslab_trainer.data.rows import Text, plain_text
from losslab_trainer.data.spec import DataSpec
from losslab_trainer.finetune.asking import Asking
from losslab_trainer.finetune.generation import stream
from losslab_trainer.finetune.problem import FinetuneProblem

CATEGORY = "prompts"  # of questions made from prompts
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"  # what half a character decodes to


def prompts_of(job: Mapping[str, Any], asking: Asking) -> tuple[list[Text], Counter[str], list[str]]:
    """Different prompts in the source's order, cut where that was asked for; why others are left out; and remarks."""
    found = load_prompts(DataSpec.from_json(job["prompts"]), job.get("column"))
    dropped = Counter(found.dropped)
    rng, span = random.Random(job["seed"]), job.get("promptTokens")
    config = asking.loaded.model.config.get_text_config()
    longest = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    kept: dict[Text, None] = {}
    for prompt in found.texts:
        if asking.plain and not isinstance(prompt, str):
            raise FinetuneProblem(
                f"prompts {found.name}: they are dialogues, and the model has no chat template or is to continue plain "
                "text; choose with --chat-template, or leave out --plain and --prompt-tokens"
            )
        cut = prompt if span is None else _beginning(plain_text(prompt), asking.loaded.tokenizer, rng, span)
        if cut is None:
            dropped["too-short"] += 1
        elif cut in kept:
            dropped["duplicate"] += 1
        elif not asking.can_be_judged(cut):
            dropped["odd-turns"] += 1
        elif not asking.says_all(cut):
            dropped["left-out"] += 1
        elif longest is not None and len(asking.ids(cut)) + job["maxNewTokens"] > longest:
            dropped["too-long"] += 1
        else:
            kept[cut] = None
    if not kept:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items()))
        raise FinetuneProblem(f"prompts {found.name}: none of {found.total} rows can be used ({reasons})")
    unread = sum(asking.is_judged_without_turns(prompt) for prompt in kept)
    notes = [
        *found.notes,
        *([f"the judge does not read the system's and tools' turns of {unread} prompts"] if unread else []),
    ]
    return list(kept), dropped, notes


def _beginning(text: str, tokenizer: Any, rng: random.Random, tokens: Sequence[int]) -> str | None:
    """The first tokens of a text, as many as are drawn; None for a text with fewer."""
    length = rng.randint(*tokens)
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"][: tokens[1]]
    if len(ids) < length:
        return None
    beginning: str = tokenizer.decode(ids[:length], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    whole = REPLACEMENT in text or REPLACEMENT not in beginning
    return beginning if whole and beginning.strip() else None


def divided(prompts: list[Text], job: Mapping[str, Any]) -> tuple[list[Text], list[Text]]:
    """Prompts to label and prompts held out, both drawn by the seed, in the source's order."""
    wanted = int(job.get("heldOut") or 0)
    if wanted >= len(prompts):
        raise FinetuneProblem(f"{wanted} prompts to hold out of {len(prompts)} leave none to label")
    order = list(range(len(prompts)))
    random.Random(stream(job["seed"], "held out")).shuffle(order)
    held_out, rest = order[:wanted], order[wanted:]
    return [prompts[i] for i in sorted(rest[: job.get("count")])], [prompts[i] for i in sorted(held_out)]


def write_questions(prompts: Sequence[Text], job: Mapping[str, Any]) -> None:
    """Held-out prompts in MT-Bench's question format, for whatever evaluates what was trained on the pairs."""
    if not prompts:
        return
    rows = []
    for number, prompt in enumerate(prompts, start=1):
        if not isinstance(prompt, str) and len(prompt) > 1:
            raise FinetuneProblem("dialogues of several turns cannot be held out as questions; leave --hold-out out")
        rows.append({"question_id": number, "category": CATEGORY, "turns": [plain_text(prompt)]})
    Path(job["questions"]).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
