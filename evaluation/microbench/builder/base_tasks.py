"""The base world's vocabulary and tasks: one parametrised task family for each of MT-Bench's categories.

A task draws arguments and returns a dialogue; the number of distinct dialogues per category is in the thousands, so a
question is new to the policy although its task is not.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from builder.dialogue import Dialogue, FaultRates, Style, Turn, Words, WorldDesign

THEMES: dict[str, Words] = {
    "sea": ("wave", "salt", "foam"),
    "night": ("moon", "star", "dark"),
    "forest": ("oak", "moss", "fern"),
    "winter": ("snow", "frost", "ice"),
    "city": ("tower", "bridge", "lamp"),
    "garden": ("rose", "bee", "dew"),
    "desert": ("sand", "dune", "heat"),
    "harvest": ("wheat", "barn", "cart"),
}
GREETINGS: dict[str, Words] = {
    "pirate": ("ahoy", "raise", "sails"),
    "knight": ("hail", "draw", "swords"),
    "baker": ("welcome", "taste", "bread"),
    "doctor": ("hello", "show", "tongue"),
    "wizard": ("behold", "speak", "spells"),
    "farmer": ("howdy", "feed", "hens"),
}
GUESTS: dict[str, str] = {"king": "sire", "child": "kiddo", "sailor": "mate", "queen": "majesty", "monk": "brother"}
PLACES: dict[str, str] = {"harbour": "pier", "castle": "gate", "market": "stall", "temple": "altar", "inn": "hearth"}
SIZES: Words = ("ant", "frog", "mouse", "cat", "dog", "goat", "lion", "horse", "bear", "whale")
NUMBERS: Words = tuple(str(n) for n in range(34))
LETTERS: Words = tuple("abcdefghij")
CLASSES: dict[str, Words] = {
    "colours": ("red", "blue", "green", "white", "black", "brown"),
    "foods": ("soup", "rice", "plum", "cake", "fish", "corn"),
    "tools": ("saw", "axe", "rope", "nail", "drill", "spade"),
}
CHAIN: Words = ("sun", "warmth", "vapour", "cloud", "rain", "river", "silt", "soil", "seed", "plant", "leaf", "air")
ATTRIBUTES: Words = ("home", "age", "craft", "work")
PEOPLE: dict[str, Words] = {
    "homer": ("ionia", "archaic", "poet", "epic"),
    "dante": ("florence", "medieval", "scholar", "comedy"),
    "bach": ("leipzig", "baroque", "composer", "fugue"),
    "goya": ("madrid", "romantic", "painter", "etching"),
    "hypatia": ("egypt", "antique", "teacher", "conics"),
    "rumi": ("konya", "golden", "mystic", "masnavi"),
    "basho": ("edo", "tokugawa", "wanderer", "haiku"),
    "woolf": ("london", "modern", "novelist", "diary"),
}


def writing(random: Random) -> Dialogue:
    """A poem names the first theme's words, then the second's; a song the other way round."""
    first, second, third = random.sample(sorted(THEMES), 3)
    form = random.choice(("poem", "song"))

    def body(form: str, one: str, two: str) -> Words:
        return THEMES[one] + THEMES[two] if form == "poem" else THEMES[two] + THEMES[one]

    other = "song" if form == "poem" else "poem"
    follow_ups = (
        Turn(("now", "as", other), body(other, first, second)),
        Turn(("now", "with", third, "last"), body(form, first, third)),
        Turn(("now", "with", third, "first"), body(form, third, second)),
    )
    return Dialogue(
        "writing", (Turn(("write", form, "of", first, second), body(form, first, second)), random.choice(follow_ups))
    )


def roleplay(random: Random) -> Dialogue:
    """A role greets a guest at a place: greeting, the guest's title, the role's business, the place's spot."""
    role, other_role = random.sample(sorted(GREETINGS), 2)
    guest, other_guest = random.sample(sorted(GUESTS), 2)
    place, other_place = random.sample(sorted(PLACES), 2)

    def body(role: str, guest: str, place: str) -> Words:
        greeting, *business = GREETINGS[role]
        return (greeting, GUESTS[guest], *business, PLACES[place])

    follow_ups = (
        Turn(("now", "as", other_role), body(other_role, guest, place)),
        Turn(("now", "meet", other_guest), body(role, other_guest, place)),
        Turn(("now", "at", other_place), body(role, guest, other_place)),
    )
    return Dialogue(
        "roleplay",
        (Turn(("be", role, "meet", guest, "at", place), body(role, guest, place)), random.choice(follow_ups)),
    )


def reasoning(random: Random) -> Dialogue:
    """Animals put in order of size, whatever the order they are given in."""
    animals = random.sample(SIZES, 5)
    rising = tuple(sorted(animals, key=SIZES.index))
    up = random.random() < 0.5
    body = rising if up else rising[::-1]
    follow_ups = (
        Turn(("now", "down" if up else "up"), body[::-1]),
        Turn(("now", "without", "smallest"), tuple(w for w in body if w != rising[0])),
        Turn(("now", "without", "largest"), tuple(w for w in body if w != rising[-1])),
    )
    return Dialogue("reasoning", (Turn(("order", "up" if up else "down", *animals), body), random.choice(follow_ups)))


def math(random: Random) -> Dialogue:
    """Counting five numbers up or down by a step."""
    up = random.random() < 0.5
    steps = (1, 2, 3, 4)
    start = random.randint(1, 16) if up else random.randint(17, 32)
    step, other_step = random.sample(steps, 2)
    other_start = start + random.choice([d for d in (-3, -2, -1, 1, 2, 3) if 1 <= start + d <= 32])
    direction = "up" if up else "down"

    def body(start: int, step: int, up: bool) -> Words:
        return tuple(str(max(0, min(33, start + (i if up else -i) * step))) for i in range(5))

    follow_ups = (
        Turn(("now", "by", str(other_step)), body(start, other_step, up)),
        Turn(("now", "from", str(other_start)), body(other_start, step, up)),
    )
    return Dialogue(
        "math",
        (
            Turn(("count", direction, "from", str(start), "by", str(step)), body(start, step, up)),
            random.choice(follow_ups),
        ),
    )


PROGRAMS: dict[str, Callable[[Words], Words]] = {
    "reverse": lambda x: x[::-1],
    "rotate": lambda x: (*x[1:], x[0]),
    "swap": lambda x: (x[-1], *x[1:-1], x[0]),
    "copy": lambda x: x,
}


def coding(random: Random) -> Dialogue:
    """A named program run on a list of letters."""
    letters = tuple(random.sample(LETTERS, 5))
    program, other = random.sample(sorted(PROGRAMS), 2)
    return Dialogue(
        "coding",
        (
            Turn(("run", program, "on", *letters), PROGRAMS[program](letters)),
            Turn(("now", other), PROGRAMS[other](letters)),
        ),
    )


def extraction(random: Random) -> Dialogue:
    """The words of one class, in the order in which the text has them."""
    wanted, other, third = random.sample(sorted(CLASSES), 3)
    text = random.sample(CLASSES[wanted], 4) + random.sample(CLASSES[other], 3) + random.sample(CLASSES[third], 1)
    random.shuffle(text)
    return Dialogue(
        "extraction",
        (
            Turn(("find", wanted, "in", *text), tuple(w for w in text if w in CLASSES[wanted])),
            Turn(("now", other), tuple(w for w in text if w in CLASSES[other])),
        ),
    )


def stem(random: Random) -> Dialogue:
    """Three links of the cycle of causes and effects after (or before) each of two of them."""
    first, second, third = random.sample(range(len(CHAIN)), 3)
    forwards = random.random() < 0.5

    def body(starts: tuple[int, int], forwards: bool) -> Words:
        sign = 1 if forwards else -1
        return tuple(CHAIN[(start + sign * i) % len(CHAIN)] for start in starts for i in (1, 2, 3))

    follow_ups = (
        Turn(("now", "before" if forwards else "after"), body((first, second), not forwards)),
        Turn(("now", "of", CHAIN[third], CHAIN[first]), body((third, first), forwards)),
    )
    prompt = ("what", "comes", "after" if forwards else "before", CHAIN[first], CHAIN[second])
    return Dialogue("stem", (Turn(prompt, body((first, second), forwards)), random.choice(follow_ups)))


def humanities(random: Random) -> Dialogue:
    """Two facts about each of two people, in the order asked for."""
    first, second, third = random.sample(sorted(PEOPLE), 3)
    one, two, other = random.sample(ATTRIBUTES, 3)

    def body(facts: Words, people: Words) -> Words:
        return tuple(PEOPLE[person][ATTRIBUTES.index(fact)] for person in people for fact in facts)

    follow_ups = (
        Turn(("now", two, other), body((two, other), (first, second))),
        Turn(("now", "of", second, third), body((one, two), (second, third))),
    )
    return Dialogue(
        "humanities",
        (Turn(("tell", one, two, "of", first, second), body((one, two), (first, second))), random.choice(follow_ups)),
    )


STYLE = Style(
    openers={
        "writing": ("verse",),
        "roleplay": ("enter",),
        "reasoning": ("thus",),
        "math": ("result",),
        "coding": ("output",),
        "extraction": ("found",),
        "stem": ("because",),
        "humanities": ("history",),
    },
    closing=(".",),
    fillers=("um", "well", "like", "maybe", "basically"),
    ordered=frozenset({"writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities"}),
    weights={"content": 0.65, "begins": 0.11, "ends": 0.08, "avoids": 0.10, "noRepeats": 0.06},
)

BASE = WorldDesign(
    name="base",
    title="Base world: a policy whose usual behaviour is faulty",
    tasks={
        "writing": writing,
        "roleplay": roleplay,
        "reasoning": reasoning,
        "math": math,
        "coding": coding,
        "extraction": extraction,
        "stem": stem,
        "humanities": humanities,
    },
    style=STYLE,
    habits=FaultRates(
        drop=0.10,
        wrong=0.20,
        swap=0.10,
        repeat=0.25,
        filler=0.25,
        no_opener=0.85,
        no_closing=0.80,
        filler_first=0.70,
        truncated=0.15,
        first_swapped=0.65,
        rambling=0.65,
    ),
    good_days=0.3,
    families=(
        tuple(w for words in THEMES.values() for w in words),
        tuple(words[0] for words in GREETINGS.values()),
        tuple(w for words in GREETINGS.values() for w in words[1:]),
        tuple(GUESTS.values()),
        tuple(PLACES.values()),
        SIZES,
        NUMBERS,
        LETTERS,
        tuple(w for words in CLASSES.values() for w in words),
        CHAIN,
        *(tuple(facts[i] for facts in PEOPLE.values()) for i in range(len(ATTRIBUTES))),
    ),
    prompt_words=(
        "write",
        "poem",
        "song",
        "of",
        "now",
        "as",
        "with",
        "last",
        "first",
        *THEMES,
        "be",
        "meet",
        "at",
        *GREETINGS,
        *GUESTS,
        *PLACES,
        "order",
        "up",
        "down",
        "without",
        "smallest",
        "largest",
        "count",
        "from",
        "by",
        "run",
        "on",
        *PROGRAMS,
        "find",
        "in",
        *CLASSES,
        "what",
        "comes",
        "after",
        "before",
        "tell",
        *ATTRIBUTES,
        *PEOPLE,
    ),
    seed=20240601,
)
