"""Writers: answers with faults, from which the SFT policy learns its behaviour.

An *uneven* writer has a quality in [0, 1], and faults at random places in proportion to what is missing. A *faulty*
writer has habits: the same few style faults nearly every time. A policy that saw both knows good answers, but usually
gives faulty ones, even greedily.
"""

from __future__ import annotations

from random import Random

from builder.dialogue import FaultRates, Words, WorldDesign

UNEVEN = FaultRates(drop=0.25, wrong=0.25, swap=0.2, repeat=0.2, filler=0.35, no_opener=0.6, no_closing=0.5)


class Writer:
    """Writes answers to the questions of one world, with faults."""

    def __init__(self, design: WorldDesign, random: Random) -> None:
        self.design = design
        self.random = random
        self.family = {word: family for family in design.families for word in family}

    def uneven(self, category: str, body: Words) -> Words:
        """An answer of a quality drawn evenly from perfect to poor."""
        return self.answer(category, body, UNEVEN.scaled(self.random.random()))

    def good(self, category: str, body: Words) -> Words:
        """An answer of the better half of uneven writers."""
        return self.answer(category, body, UNEVEN.scaled(0.6 * self.random.random()))

    def faulty(self, category: str, body: Words) -> Words:
        """Mostly an answer with the habits that make the policy's usual behaviour faulty."""
        if self.random.random() < self.design.good_days:
            return self.uneven(category, body)
        return self.answer(category, body, self.design.habits.scaled(0.7 + 0.4 * self.random.random()))

    def answer(self, category: str, body: Words, rates: FaultRates) -> Words:
        """The perfect answer with faults at these rates; never empty."""
        chance = self.random.random
        words = list(body)
        if chance() < rates.truncated:
            words = words[: max(1, len(words) // 2)]
        if len(words) > 1 and chance() < rates.first_swapped:
            words[:2] = words[1::-1]
        for i in range(len(words) - 1):
            if chance() < rates.swap:
                words[i], words[i + 1] = words[i + 1], words[i]
        written: list[str] = []
        for word in words:
            if chance() < rates.drop:
                continue
            if chance() < rates.filler:
                written.append(self.random.choice(self.design.style.fillers))
            kept = word if chance() >= rates.wrong else self.random.choice(self.family[word])
            written.append(kept)
            if chance() < rates.repeat:
                written.append(kept)
        if chance() < rates.rambling:
            written += [self.random.choice(self.family[body[-1]]) for _ in range(2)]
        style = self.design.style
        before = () if chance() < rates.no_opener else style.openers[category]
        after = () if chance() < rates.no_closing else style.closing
        filler = (style.fillers[0],) if chance() < rates.filler_first else ()
        return (*filler, *before, *written, *after) or body[:1]
