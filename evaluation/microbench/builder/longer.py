"""The same world with answers several times as long: the other way to reach realistic log-probability ratios.

An experiment, not a world: README.md tells what came of it, and why the worlds multiply log-probabilities instead.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from builder.dialogue import Dialogue, Task, Turn, Words, WorldDesign

JOINT = "then"


def longer(design: WorldDesign, parts: int) -> WorldDesign:
    """Every question asks for ``parts`` things of one category, and the answer gives them in one go."""
    return replace(
        design,
        name=f"{design.name}-times-{parts}",
        tasks={category: _repeated(task, parts) for category, task in design.tasks.items()},
        prompt_words=(*design.prompt_words, JOINT),
    )


def _repeated(task: Task, parts: int) -> Task:
    def dialogue(random: Random) -> Dialogue:
        drawn = [task(random) for _ in range(parts)]
        return Dialogue(drawn[0].category, (_joined(drawn, 0), _joined(drawn, 1)))

    return dialogue


def _joined(dialogues: list[Dialogue], turn: int) -> Turn:
    prompt: Words = ()
    body: Words = ()
    for each in dialogues:
        prompt += (JOINT, *each.turns[turn].prompt) if prompt else each.turns[turn].prompt
        body += each.turns[turn].body
    return Turn(prompt, body)
