"""Names from outside (files, classes, keys) made safe to print, and near misses answered."""

import difflib
import unicodedata
from collections.abc import Iterable

LONGEST = 400
"""characters of a name from outside that are shown"""
DRAWN_BY = "gradpen"
"""what pictures of gradpen's own say, so that those that lie among data do not become data"""


def printable(name: object) -> str:
    r"""Return the name with everything unprintable escaped.

    Control characters, bidirectional marks and undecodable bytes cannot reach a terminal, a log line or a
    page; what is longer than 400 characters is cut.

    >>> printable("a\x1b[31m.png")
    'a\\x1b[31m.png'
    """
    text = str(name)
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text[:LONGEST]
    )
    return shown if len(text) <= LONGEST else f"{shown}… ({len(text):,} characters)"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for a misspelt name, or the empty string if nothing is near.

    >>> did_you_mean("wgan-pg", ["wgan-gp", "gan"])
    "; did you mean 'wgan-gp'?"
    """
    matches = difflib.get_close_matches(name[:LONGEST], list(known), n=1, cutoff=0.6)
    return f"; did you mean '{matches[0]}'?" if matches else ""


def composed(text: str) -> str:
    """Return a text with each letter and its accents as one character, as most systems write it; Macs do not."""
    return unicodedata.normalize("NFC", text)
