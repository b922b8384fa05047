"""Korean words in figures: the font that comes with matplotlib has no Hangul, so one of the system's is looked for."""

from functools import lru_cache
from pathlib import Path

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

from gradpen.language import Language, language

FONTS = (
    "notosanskr",
    "notosanscjk",
    "nanumgothic",
    "nanumbarungothic",
    "malgun",
    "applesdgothicneo",
    "applegothic",
    "pretendard",
    "sourcehansans",
    "undotum",
)
"""beginnings of the names of files that hold a plain Korean font, on Linux, Windows and macOS"""


def figures_speak() -> Language:
    """Return the language that words in figures can be drawn in: English where Korean ones would be boxes."""
    return "en" if language() == "ko" and hangul() is None else language()


def lettered(figure: Figure) -> Figure:
    """Return the figure with a font for the language that is spoken; what that font lacks, as minus, is as before."""
    if language() == "ko" and (family := hangul()) is not None:
        for words in figure.findobj(Text):
            words.set_fontfamily(["sans-serif", family])
    return figure


@lru_cache(maxsize=1)
def hangul() -> str | None:
    """Return the family of an installed font with Hangul, ready to be drawn with; None where there is none."""
    # matplotlib remembers which fonts it knows; one that was installed since has to be added.
    for file in sorted(filter(known, map(Path, font_manager.findSystemFonts())), key=preference):
        try:
            font = FT2Font(str(file))
            if font.get_char_index(ord("한")):
                font_manager.fontManager.addfont(file)
                return font.family_name
        except (OSError, RuntimeError):
            continue
    return None


def plain(file: Path) -> str:
    """Return a file's name in small letters, without what separates words."""
    return file.stem.lower().replace("-", "").replace("_", "").replace(" ", "")


def known(file: Path) -> bool:
    """Return whether a file is one of :data:`FONTS`."""
    return plain(file).startswith(FONTS)


def preference(file: Path) -> tuple[int, bool, int, str]:
    """Return where a file stands among others: fonts as listed, of each the regular weight first."""
    name = plain(file)
    place = next(place for place, start in enumerate(FONTS) if name.startswith(start))
    return place, "regular" not in name, len(name), str(file)
