"""Short English sentences put together from a small grammar: text that needs no file."""

import numpy as np

COUNT = 20_000
LONGEST = 32
WORDS = """
cat dog fox bear bird fish horse child king queen baker farmer sailor teacher painter doctor miller friend stranger
house river bread apple letter garden road stone window song story boat lamp chair bridge field book coin clock tree
old young small big quiet red green cold warm happy tired strange new long bright dark kind
saw found took made sold left kept liked hid lost drew built cleaned needed
ran slept sang waited laughed came swam stayed worked cried danced fell
"""
WHO, WHAT, LIKE, DOES, GOES = (line.split() for line in WORDS.strip().splitlines())
TIMES = ("today", "at night", "again", "at home", "too late", "in spring", "every day", "by the sea", "alone", "now")


def sentences() -> list[str]:
    """Return 20,000 different sentences of at most 32 characters, always the same.

    >>> sentences()[0]
    'The cold horse danced at night.'
    """
    random = np.random.Generator(np.random.Philox(key=4))
    found: dict[str, None] = {}
    while len(found) < COUNT:
        sentence = one_sentence(random)
        if len(sentence) <= LONGEST:
            found[sentence] = None
    return list(found)


def one_sentence(random: np.random.Generator) -> str:
    """Return a sentence of one of five forms."""

    def one_of(words: tuple[str, ...] | list[str]) -> str:
        return words[int(random.integers(len(words)))]

    who, other, what, like = one_of(WHO), one_of(WHO), one_of(WHAT), one_of(LIKE)
    forms = (
        lambda: f"The {who} {one_of(DOES)} the {what}.",
        lambda: f"The {like} {who} {one_of(GOES)} {one_of(TIMES)}.",
        lambda: f"A {who} {one_of(DOES)} a {like} {what}.",
        lambda: f"My {who} {one_of(GOES)}, the {other} {one_of(GOES)}.",
        lambda: f"Was the {what} {like}, {who}?",
    )
    return forms[int(random.integers(len(forms)))]()
