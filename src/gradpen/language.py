"""The language that a run is explained in: English, which the source is written in, or Korean."""

import gettext
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

Language = Literal["en", "ko"]
LOCALE = Path(__file__).with_name("locale")
"""the catalogues, which ``make messages`` keeps up to date"""
CHOSEN: ContextVar[Language | None] = ContextVar("language", default=None)
"""per thread and task, so that two pages in two languages can be written at once"""


def language() -> Language:
    """Return the language that was chosen by :func:`speaking`, or else the system's."""
    return CHOSEN.get() or system_language(os.environ)


@contextmanager
def speaking(chosen: Language | None) -> Iterator[None]:
    """Explain in this language within; in the one that holds outside where it is None.

    >>> with speaking("ko"):
    ...     print(said("critic"))
    비평자
    """
    before = CHOSEN.set(chosen or CHOSEN.get())
    try:
        yield
    finally:
        CHOSEN.reset(before)


def system_language(environment: Mapping[str, str]) -> Language:
    """Return the language of the system, from the variables that POSIX names, the first that is set.

    >>> system_language({"LANG": "ko_KR.UTF-8"}), system_language({"LC_ALL": "C", "LANG": "ko_KR.UTF-8"})
    ('ko', 'en')
    """
    first = next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "ko" if first.partition(".")[0].partition("_")[0] == "ko" else "en"


def said(english: str) -> str:
    """Return the translation of a text of the source. In calls it stands as a literal, which is how it is found.

    Numbers come afterwards: ``said("slope {slope:.3g}").format(slope=slope)``.
    """
    if language() == "en" or not english:
        return english
    return gettext.translation("gradpen", LOCALE, [language()]).gettext(english)


def marked(english: str) -> str:
    """Return the text itself, which is to be translated where it is shown: for tables, and for what files keep."""
    return english


class Worded(str):
    """An English sentence with numbers in it, which can be said in other languages too."""

    template: str = ""
    values: Mapping[str, Any] = {}


def worded(template: str, **values: Any) -> Worded:
    """Return the sentence of a template and its numbers.

    >>> worded("mean slope {slope:.3g}", slope=0.12345)
    'mean slope 0.123'
    """
    sentence = Worded(template.format(**values))
    sentence.template, sentence.values = template, values
    return sentence


def retold(sentence: str) -> str:
    """Return a sentence in the present language; as it is, unless it was worded with a template of the source.

    It may come from a file. A template that only the file has is never filled in, since one could reach into objects.
    """
    if not isinstance(sentence, Worded) or (known := said(sentence.template)) == sentence.template:
        return str(sentence)
    try:
        # A value that is a word, as the name of a measure, is one of the source's too.
        values = {name: said(value) if isinstance(value, str) else value for name, value in sentence.values.items()}
        return known.format(**values)
    except (LookupError, ValueError, TypeError, OverflowError):
        return str(sentence)
