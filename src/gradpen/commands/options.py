"""What several commands share: how images become an array, and how options show in the help."""

import re
import sys
from dataclasses import dataclass, field, fields, make_dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import arg

from gradpen.data.choice import READ, DataChoice, parse_size
from gradpen.errors import UsageError
from gradpen.language import Language
from gradpen.text import printable


def option(
    metavar: str | None,
    default: str,
    words: str | None = None,
    *,
    name: str | None = None,
    aliases: tuple[str, ...] | None = None,
) -> Any:
    """Return how an option without a value of its own shows in the help; its docstring explains it, or these words."""
    return arg(metavar=metavar, help_behavior_hint=f"(default: {default})", help=words, name=name, aliases=aliases)


CheckpointOption = Annotated[str, option("best|last|N", "best", aliases=("--iteration",))]


def checkpoint_named(text: str) -> Literal["best", "last"] | int:
    """Return the checkpoint that an option names.

    Raises:
        UsageError: it names none.
    """
    if text in ("best", "last"):
        return "best" if text == "best" else "last"
    if text.isascii() and text.isdigit():
        return int(text)
    raise UsageError(f"--checkpoint {printable(text)}: expected best, last or the number of an iteration")


LanguageOption = Annotated[Language | None, option("en|ko", "the system's")]


FLAGS = {"start": "from"}
"""options whose names on the command line are words that Python keeps for itself"""


def flag(name: str) -> str:
    """Return an option as it is written.

    >>> flag("batch_size"), flag("start")
    ('--batch-size', '--from')
    """
    return f"--{FLAGS.get(name, name).replace('_', '-')}"


OPTIONS = {
    "size": ("N|HxW", "the images' own; 64 for a folder whose images differ in size or exceed 128"),
    "fit": ("crop|pad|stretch", "crop"),
    "channels": ("1|2|3|4", "grey if every image is grey, else RGB"),
    "background": ("COLOUR", "white"),
    "labels": ("folders|names|FILE", "what the data bring along"),
    "columns": ("NAME ...", "the table's only one"),
    "only": ("CLASS ...", "all"),
    "strict": (None, "no"),
}
"""settings of :class:`~gradpen.data.choice.DataChoice` that are options too: what is given, and the default in words"""
TYPES: dict[str, Any] = {"size": str | None}
"""types on the command line that differ from the setting's"""


def data_field(name: str) -> tuple[str, Any, Any]:
    """Return a setting of the data as a field of a command's options, with the setting's type, default and words."""
    setting = DataChoice.__pydantic_fields__[name]  # type: ignore[attr-defined]
    metavar, default = OPTIONS[name]
    words = sentence((setting.description or "").partition("; none: ")[0])
    kind = TYPES.get(name, setting.annotation)
    return name, Annotated[kind, option(metavar, default, words)], field(default=setting.default)


def sentence(words: str) -> str:
    """Return words with a capital letter and a full stop."""
    return f"{words[:1].upper()}{words[1:]}."


if TYPE_CHECKING:

    @dataclass(frozen=True, kw_only=True)
    class DataOptions:
        """How images become an array: an option for each name in :data:`OPTIONS`."""
else:
    DataOptions = make_dataclass("DataOptions", map(data_field, OPTIONS), frozen=True, kw_only=True)

DATA_HELP = (
    f"{sentence(READ)[:-1]}; or embedded:digits, bricks or faces, or points: embedded:8gaussians, 25gaussians, "
    f"swissroll, ring or grid."
)


def changed_data_options(options: DataOptions) -> dict[str, Any]:
    """Return the data options that were given, as configuration values."""
    given = {name: getattr(options, name) for name in OPTIONS}
    changed = {
        name: value
        for name, value in given.items()
        if value != DataChoice.__pydantic_fields__[name].default  # type: ignore[attr-defined]
    }
    if "size" in changed:
        try:
            changed["size"] = parse_size(changed["size"])
        except ValueError as error:
            raise UsageError(f"--size {changed['size']}: {error}") from None
    return changed


def as_options(sentence: str, command: Any) -> str:
    """Return a sentence with the settings in it, which stand in backticks, as a command's options that set them.

    Args:
        sentence: with settings as ```batch_size=36``` or ```batch_size```.
        command: the class of the command. A setting that is none of its options goes through ``--set``, if it has
            that; what is no setting, as ``resume``, is an option of ``gradpen train``.

    >>> from gradpen.commands.train import Train
    >>> as_options("choose `data.size=32x32`, a smaller `batch_size` or `critic.norm=none`", Train)
    'choose --size 32x32, a smaller --batch-size or --set critic.norm=none'
    """
    known = [option.name for option in fields(command)]

    def as_option(found: re.Match[str]) -> str:
        key, value = found[1], found[2]
        name = key.removeprefix("data.")
        if name in known:
            return flag(name) if value is None else f"{flag(name)} {value}"
        words = key if value is None else f"{key}={value}"
        if is_setting(key):
            return f"--set {words}" if "set" in known else words
        return f"gradpen train --{words.replace('=', ' ')}"

    return re.sub(r"`([a-z_0-9.]+)(?:=([^`]*))?`", as_option, sentence)


def is_setting(key: str) -> bool:
    """Return whether a dotted key is a setting of a run, as ``--set`` takes it."""
    from gradpen.settings import PLACES, known_fields

    return key.split(".")[0] in {*known_fields([]), *PLACES}


def complain(message: str) -> None:
    """Print a sentence beside the output."""
    print(f"gradpen: {message}", file=sys.stderr)
