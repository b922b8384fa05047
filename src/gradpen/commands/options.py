"""What several commands share: how images become an array, and how options show in the help."""

import re
import sys
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from tyro.conf import arg

from gradpen.errors import UsageError


def option(metavar: str, default: str) -> Any:
    """Return how an option without a value of its own shows in the help."""
    return arg(metavar=metavar, help_behavior_hint=f"(default: {default})")


SET_ONLY = ("critic_steps", "critic_warm_up", "reuse_batch", "accumulate", "average", "learning_rate_decay", "threads")
"""settings without a dot that have no option of their own"""


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """How images become an array."""

    size: Annotated[
        str | None, option("N|HxW", "the images' own; 64 for a folder whose images differ in size or exceed 128")
    ] = None
    """Image size, N or HEIGHTxWIDTH."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How an image of another aspect ratio reaches the size: cut the centre, pad, or stretch."""
    channels: Annotated[Literal[1, 2, 3, 4] | None, option("1|2|3|4", "grey if every image is grey, else RGB")] = None
    """1 grey, 2 grey and alpha, 3 RGB, 4 RGBA."""
    background: str = "white"
    """Colour under transparent pixels and around padded images: a name or #rrggbb."""
    labels: Annotated[str | None, option("folders|names|FILE", "what the data bring along")] = None
    """Where labels come from: folders takes the first sub-folder an image lies in as its class, names the file's
    name before its running number, a .csv, .txt or .json table what stands in it."""
    columns: Annotated[tuple[str, ...], option("NAME ...", "the table's only one")] = ()
    """Columns of the table that are the label; without --labels, of the table at the folder, as CelebA's."""
    only: Annotated[tuple[str, ...], option("CLASS ...", "all")] = ()
    """Use the images of these classes only."""
    strict: bool = False
    """End with an error at the first unreadable image instead of leaving it out and counting it."""


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
    changed = {
        field.name: getattr(options, field.name)
        for field in fields(DataOptions)
        if getattr(options, field.name) != field.default
    }
    if options.size is not None:
        changed["size"] = parse_size(options.size)
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
    if name in {field.name for field in fields(DataOptions)} or (key not in SET_ONLY and "." not in key):
        flag = f"--{name.replace('_', '-')}"
        return flag if value is None else f"{flag} {value}"
    return f"--set {key}" if value is None else f"--set {key}={value}"


def complain(message: str) -> None:
    """Print a sentence beside the output."""
    print(f"gradpen: {as_options(message)}", file=sys.stderr)
