"""What several commands share: how images become an array, and how options show in the help."""

import re
import sys
from dataclasses import dataclass, field, make_dataclass
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from gradpen.data.choice import READ, DataChoice
from gradpen.errors import UsageError


def option(metavar: str | None, default: str, words: str | None = None) -> Any:
    """Return how an option without a value of its own shows in the help; its docstring explains it, or these words."""
    return arg(metavar=metavar, help_behavior_hint=f"(default: {default})", help=words)


SET_ONLY = ("critic_steps", "critic_warm_up", "reuse_batch", "accumulate", "average", "learning_rate_decay", "threads")
"""settings without a dot that have no option of their own"""


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

DATA_HELP = f"{sentence(READ)[:-1]}; or embedded:digits, embedded:bricks or embedded:faces."


def parse_size(text: str) -> tuple[int, int]:
    """Return height and width from ``64`` or ``48x32``.

    >>> parse_size("64"), parse_size("48x32")
    ((64, 64), (48, 32))
    """
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(f"--size {text}: write one number, or HEIGHTxWIDTH as in 48x32")
    height, width = int(parts[0]), int(parts[-1])
    return height, width


def changed_data_options(options: DataOptions) -> dict[str, Any]:
    """Return the data options that were given, as configuration values."""
    given = {name: getattr(options, name) for name in OPTIONS}
    changed = {
        name: value
        for name, value in given.items()
        if value != DataChoice.__pydantic_fields__[name].default  # type: ignore[attr-defined]
    }
    if "size" in changed:
        changed["size"] = parse_size(changed["size"])
    return changed


def as_options(sentence: str) -> str:
    """Return a sentence with the settings in it, which stand in backticks, written as options of the command line.

    >>> as_options("choose `data.size=32x32`, a smaller `batch_size` or `critic.norm=none`")
    'choose --size 32x32, a smaller --batch-size or --set critic.norm=none'
    """
    return re.sub(r"`([a-z_0-9.]+)(?:=([^`]*))?`", lambda found: as_option(found[1], found[2]), sentence)


def as_option(key: str, value: str | None) -> str:
    """Return the option that sets a setting, with its value if there is one."""
    name = key.removeprefix("data.")
    if name in OPTIONS or (key not in SET_ONLY and "." not in key):
        flag = f"--{name.replace('_', '-')}"
        return flag if value is None else f"{flag} {value}"
    return f"--set {key}" if value is None else f"--set {key}={value}"


def complain(message: str) -> None:
    """Print a sentence beside the output."""
    print(f"gradpen: {as_options(message)}", file=sys.stderr)
