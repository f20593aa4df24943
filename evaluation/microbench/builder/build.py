"""Builds one world from its design: questions, rubrics, tokenizer, SFT policy, pairs, and world.json over all."""

from __future__ import annotations

import shutil
from pathlib import Path

from losslab_trainer.policy import load_policy, use_one_thread

from builder import VERSION
from builder.pools import draw_pools, pool_facts
from builder.questions import QuestionSets, draw_questions
from builder.settings import GRID, SAMPLING, TRAINING, World
from builder.sft import train_sft
from builder.tokenizer import vocabulary, write_tokenizer
from builder.untrained import untrained_scores
from builder.world_files import write_json_lines, write_world


def build_world(world: World, folder: Path, base: Path, keep_policy: bool = False) -> None:
    """Writes the world's files into ``folder``. ``base`` is where its policy is, for a world that has none itself.

    With ``keep_policy`` the policy in ``folder`` stays, and everything else is made again.
    """
    use_one_thread()
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not (keep_policy and path.name == "policy"):
            shutil.rmtree(path)
    questions = draw_questions(world.design)
    facts: dict[str, object] = {
        "name": world.name,
        "title": world.title,
        "description": f"{len(questions.search)} search and {len(questions.held_out)} held-out questions of two turns; "
        + world.regime.title,
        "base": world.design.name,
        "vocabularySize": len(vocabulary(world.design.vocabulary())),
        "maxNewTokens": world.max_new_tokens,
        "logpScale": world.logp_scale,
        "sampling": SAMPLING,
        "training": TRAINING,
        "grid": GRID,
        "builder": {"version": VERSION, "seed": world.design.seed},
    }
    if world.has_policy:
        write_questions(world, questions, folder)
        if not keep_policy:
            build_policy(world, questions, folder / "policy")
    policy = load_policy((folder if world.has_policy else base) / "policy")
    if world.has_policy:
        facts["untrained"] = untrained_scores(world.design, policy, questions.search, world.max_new_tokens)
    pools = draw_pools(world.design, policy, world.regime, taken=questions.keys(), max_new_tokens=world.max_new_tokens)
    for name, pool in pools.items():
        write_json_lines((pair.row() for pair in pool), folder / "pairs" / f"{name}.jsonl.gz")
    facts["pairs"] = {name: pool_facts(pool).to_json() for name, pool in pools.items()}
    write_world(folder, facts)


def write_questions(world: World, questions: QuestionSets, folder: Path) -> None:
    everything = [*questions.search, *questions.held_out]
    write_json_lines((question.row(world.design) for question in questions.search), folder / "question.jsonl")
    write_json_lines((question.row(world.design) for question in questions.held_out), folder / "held_out.jsonl")
    write_json_lines((question.rubric_row(world.design) for question in everything), folder / "rubric.jsonl")


def build_policy(world: World, questions: QuestionSets, folder: Path) -> None:
    words = world.design.vocabulary()
    write_tokenizer(words, folder, world.sft.longest)
    model = train_sft(world.design, vocabulary(words), questions.keys(), world.sft)
    model.save_pretrained(folder)
    # It names sampling defaults that nothing here uses, and the version of transformers that wrote it.
    (folder / "generation_config.json").unlink(missing_ok=True)
