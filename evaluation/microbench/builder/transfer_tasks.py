"""The transfer world's vocabulary and tasks: other words, other rules, another style and rubric than the base world's.

Good answers here have no opener: they end with a signature, keep to their length, and half of the categories are graded
as bags of words. A loss that wins in the base world for that world's own reasons should not win here too.
"""

from __future__ import annotations

from itertools import chain
from random import Random

from builder.dialogue import Dialogue, FaultRates, Style, Turn, Words, WorldDesign

MOODS: dict[str, Words] = {
    "calm": ("lake", "breeze", "feather"),
    "wild": ("storm", "cliff", "wolf"),
    "merry": ("drum", "ribbon", "carol"),
    "grim": ("crypt", "raven", "ash"),
    "proud": ("banner", "crown", "eagle"),
    "shy": ("fawn", "veil", "whisper"),
    "weary": ("road", "dust", "cane"),
    "eager": ("spark", "arrow", "colt"),
}
PLAIN: Words = ("friend", "money", "boat", "drink", "fight", "home", "food", "enemy")
JARGON: dict[str, Words] = {
    "corsair": ("matey", "doubloon", "sloop", "grog", "broadside", "cove", "hardtack", "landlubber"),
    "robot": ("unit", "credit", "vessel", "coolant", "conflict", "dock", "fuel", "virus"),
    "bard": ("companion", "silver", "barge", "mead", "duel", "hall", "feast", "villain"),
}
ITEMS: Words = ("anvil", "bell", "candle", "dish", "easel", "flask", "globe", "harp", "ink", "jar")
DIGITS: Words = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LEFT: Words = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
RIGHT: Words = ("north", "south", "east", "west", "centre", "edge")
FIELDS: dict[str, Words] = {
    "owner": ("anna", "boris", "chen", "dora", "emil", "farid"),
    "shape": ("round", "square", "oval", "flat", "curved", "spiral"),
    "price": ("cheap", "modest", "dear", "free", "costly", "half"),
    "stuff": ("glass", "wool", "steel", "clay", "paper", "silk"),
    "state": ("new", "worn", "broken", "clean", "rusty", "wet"),
}
KINDS: dict[str, Words] = {
    "trout": ("scales", "gills", "swims"),
    "owl": ("feathers", "beak", "flies"),
    "otter": ("fur", "whiskers", "dives"),
    "viper": ("venom", "fangs", "slithers"),
    "toad": ("warts", "tadpole", "hops"),
    "beetle": ("shell", "antennae", "crawls"),
    "squid": ("tentacles", "jets", "glides"),
    "bat": ("wings", "sonar", "hangs"),
}
AGES: Words = ("dawn", "stone", "copper", "bronze", "iron", "classic", "feudal", "sail", "steam", "atom")
HISTORY: dict[str, Words] = {
    "east": ("caves", "millet", "jade", "oracle", "walls", "silkroad", "shogun", "junks", "railway", "transistor"),
    "west": (
        "hunters",
        "stones",
        "beakers",
        "palace",
        "legions",
        "forum",
        "cathedral",
        "colonies",
        "factory",
        "reactor",
    ),
    "south": ("savanna", "cattle", "pyramids", "scribes", "smiths", "obelisk", "mosque", "caravans", "mines", "dams"),
}


def writing(random: Random) -> Dialogue:
    """Two moods' words in alternation."""
    first, second, third = random.sample(sorted(MOODS), 3)

    def body(one: str, two: str) -> Words:
        return tuple(chain.from_iterable(zip(MOODS[one], MOODS[two], strict=True)))

    follow_ups = (
        Turn(("instead", "open", second), body(second, first)),
        Turn(("instead", "blend", first, third), body(first, third)),
    )
    return Dialogue("writing", (Turn(("blend", first, second), body(first, second)), random.choice(follow_ups)))


def roleplay(random: Random) -> Dialogue:
    """Plain words in the jargon of a character, word by word."""
    who, other = random.sample(sorted(JARGON), 2)
    words = random.sample(PLAIN, 4)

    def body(who: str) -> Words:
        return tuple(JARGON[who][PLAIN.index(word)] for word in words)

    return Dialogue("roleplay", (Turn(("voice", who, *words), body(who)), Turn(("instead", other), body(other))))


def reasoning(random: Random) -> Dialogue:
    """What is left of a list when some of it is taken away."""
    items = random.sample(ITEMS, 7)
    taken = random.sample(items, 4)

    def body(gone: list[str]) -> Words:
        return tuple(item for item in items if item not in gone)

    return Dialogue(
        "reasoning",
        (
            Turn(("have", *items, "lose", *taken[:2]), body(taken[:2])),
            Turn(("instead", "lose", *taken[2:]), body(taken[2:])),
        ),
    )


def math(random: Random) -> Dialogue:
    """What each number lacks to a total."""
    numbers = random.sample(range(10), 5)

    def body(total: int) -> Words:
        return tuple(DIGITS[(total - n) % 10] for n in numbers)

    first, second = random.sample((9, 10, 11), 2)
    names = {9: "nine", 10: "ten", 11: "eleven"}
    return Dialogue(
        "math",
        (
            Turn(("fill", "to", names[first], *(DIGITS[n] for n in numbers)), body(first)),
            Turn(("instead", "to", names[second]), body(second)),
        ),
    )


def coding(random: Random) -> Dialogue:
    """Two lists zipped, or one after the other."""
    left, right = tuple(random.sample(LEFT, 3)), tuple(random.sample(RIGHT, 3))
    bodies = {
        "zip": tuple(chain.from_iterable(zip(left, right, strict=True))),
        "join": left + right,
        "flip": right + left,
    }
    first, second = random.sample(sorted(bodies), 2)
    return Dialogue(
        "coding",
        (Turn(("code", first, *left, "and", *right), bodies[first]), Turn(("instead", second), bodies[second])),
    )


def extraction(random: Random) -> Dialogue:
    """Values of the fields asked for, in a record of all five fields."""
    record = {field: random.choice(values) for field, values in FIELDS.items()}
    fields = random.sample(sorted(FIELDS), 5)
    first, second = random.sample(sorted(FIELDS), 3), random.sample(sorted(FIELDS), 3)

    def body(wanted: list[str]) -> Words:
        return tuple(record[field] for field in wanted)

    text = tuple(record[field] for field in fields)
    return Dialogue(
        "extraction",
        (Turn(("record", *text, "give", *first), body(first)), Turn(("instead", "give", *second), body(second))),
    )


def stem(random: Random) -> Dialogue:
    """The marks of two animals."""
    first, second, third = random.sample(sorted(KINDS), 3)

    def body(one: str, two: str) -> Words:
        return KINDS[one] + KINDS[two]

    follow_ups = (
        Turn(("instead", "swapped"), body(second, first)),
        Turn(("instead", third, first), body(third, first)),
        Turn(("instead", second, third), body(second, third)),
    )
    return Dialogue("stem", (Turn(("describe", first, second), body(first, second)), random.choice(follow_ups)))


def humanities(random: Random) -> Dialogue:
    """What each age brought in one part of the world, in order of time."""
    length = random.randint(4, 6)
    start = random.randrange(len(AGES) - length + 1)
    other_start = random.choice([i for i in range(len(AGES) - 3) if i != start])
    region, other = random.sample(sorted(HISTORY), 2)

    def body(start: int, length: int, region: str) -> Words:
        return HISTORY[region][start : start + length]

    follow_ups = (
        Turn(("instead", "backwards"), body(start, length, region)[::-1]),
        Turn(("instead", "in", other), body(start, length, other)),
        Turn(("instead", "since", AGES[other_start], "until", AGES[other_start + 3]), body(other_start, 4, region)),
    )
    prompt = ("in", region, "since", AGES[start], "until", AGES[start + length - 1])
    return Dialogue("humanities", (Turn(prompt, body(start, length, region)), random.choice(follow_ups)))


_TASKS = {
    "writing": writing,
    "roleplay": roleplay,
    "reasoning": reasoning,
    "math": math,
    "coding": coding,
    "extraction": extraction,
    "stem": stem,
    "humanities": humanities,
}

TRANSFER = WorldDesign(
    name="transfer",
    title="Transfer world: other words, rules and rubric",
    tasks=_TASKS,
    style=Style(
        openers={category: () for category in _TASKS},
        closing=("yours", "truly"),
        fillers=("honestly", "literally", "anyway", "sort-of"),
        ordered=frozenset({"writing", "roleplay", "math", "coding", "humanities"}),
        weights={"content": 0.60, "ends": 0.14, "avoids": 0.10, "length": 0.10, "noRepeats": 0.06},
    ),
    habits=FaultRates(
        drop=0.20,
        wrong=0.25,
        swap=0.15,
        repeat=0.25,
        filler=0.30,
        no_closing=0.95,
        filler_first=0.85,
        truncated=0.30,
        first_swapped=0.75,
        rambling=0.75,
    ),
    good_days=0.12,
    families=(
        tuple(w for words in MOODS.values() for w in words),
        *JARGON.values(),
        ITEMS,
        DIGITS,
        LEFT,
        RIGHT,
        *FIELDS.values(),
        *(tuple(words[i] for words in KINDS.values()) for i in range(3)),
        *HISTORY.values(),
    ),
    prompt_words=(
        "instead",
        "open",
        "blend",
        *MOODS,
        "voice",
        *PLAIN,
        *JARGON,
        "have",
        "lose",
        "fill",
        "to",
        "ten",
        "eleven",
        "code",
        "zip",
        "join",
        "flip",
        "and",
        "record",
        "give",
        *FIELDS,
        "describe",
        "swapped",
        *KINDS,
        "in",
        "since",
        "until",
        "backwards",
        *HISTORY,
        *AGES,
    ),
    seed=20240602,
)
