"""Settings: a configuration to JSON and back, files, overrides by dotted key, and presets under them."""

import json
import tomllib
import types
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from gradpen.choice import OneOf
from gradpen.config import RunConfig
from gradpen.data.choice import EMBEDDED
from gradpen.errors import UsageError
from gradpen.presets.catalogue import find
from gradpen.presets.reduced import reduced as reduced_preset
from gradpen.schedule import KINDS, Schedule
from gradpen.text import did_you_mean, printable

__all__ = ["configure"]

MANY = 8
"""problems that a message names"""
ADAPTER = TypeAdapter(RunConfig)
DEFAULT = "quick"
"""the preset where none is named"""


def to_dict(config: RunConfig) -> dict[str, Any]:
    """Return the configuration as JSON-able values."""
    values: dict[str, Any] = ADAPTER.dump_python(config, mode="json")
    return values


def from_dict(values: Mapping[str, Any], *, origin: str = "the configuration") -> RunConfig:
    """Return a validated configuration.

    Raises:
        UsageError: naming the key, what was found and what was expected.
    """
    if not isinstance(values, Mapping):
        raise UsageError(f"{origin} holds no settings; expected an object of settings by name")
    try:
        return ADAPTER.validate_python(as_written_today(values))
    except ValidationError as error:
        problems = [describe(problem) for problem in error.errors(include_url=False)]
        more = f" and {len(problems) - MANY} more" if len(problems) > MANY else ""
        raise UsageError(f"{origin}: " + "; ".join(problems[:MANY]) + more) from None
    except RecursionError:
        raise UsageError(f"{origin} holds values that are nested too deeply to be settings") from None


def as_written_today(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration as this version writes it; earlier ones had a linear decay of both rates by its name."""
    today = dict(values)
    if today.pop("learning_rate_decay", "none") == "linear":
        for optimizer in ("generator_optimizer", "critic_optimizer"):
            rate = today[optimizer]["learning_rate"]
            today[optimizer] = {**today[optimizer], "learning_rate": {"start": rate, "end": 0.0, "shape": "linear"}}
    return today


def describe(problem: Mapping[str, Any]) -> str:
    """Return one pydantic problem as words."""
    *parents, last = without_tags([str(part) for part in problem["loc"]])
    key = ".".join([*parents, last])
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"there is no setting '{printable(key)}'{where_else(problem, parents, last)}"
    if problem["type"] == "union_tag_invalid":
        tag = problem["ctx"]["tag"]
        allowed = problem["ctx"]["expected_tags"]
        return f"{key}: there is no '{printable(tag)}'; choose one of {allowed}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    if key == WHOLE:
        return message
    found = printable(repr(problem["input"]))[:80]
    return f"{key}: {message[0].lower()}{message[1:]}, found {found}"


def where_else(problem: Mapping[str, Any], parents: list[str], last: str) -> str:
    """Return which choices have a setting that this one lacks, or the nearest name that it has."""
    families = families_of(parents)
    chosen = next((part for part in problem["loc"][:-1] if part in families), None)
    if chosen is None:
        return did_you_mean(last, known_fields(parents))
    others = [name for name, member in families.items() if last in own_fields(member)]
    if others:
        return f" for {chosen}; {', '.join(others)} {'has' if len(others) == 1 else 'have'} it"
    return f" for {chosen}{did_you_mean(last, own_fields(families[str(chosen)]))}"


def families_of(parents: Iterable[str]) -> dict[str, type]:
    """Return the choices at a dotted key by their names."""
    return {
        str(field.default): member for member in choices_at(parents) for field in fields(member) if field.name == "name"
    }


def own_fields(member: type) -> list[str]:
    """Return the names of a choice's settings."""
    return [field.name for field in fields(member)]


WHOLE = "configuration"


def without_tags(place: list[str]) -> list[str]:
    """Return the keys of pydantic's location, without the choice's name that follows a choice's key."""
    kept: list[str] = []
    tag_may_follow = False
    for part in (part for part in place if part not in KINDS):
        if tag_may_follow and part in CHOICE_NAMES:
            tag_may_follow = False
            continue
        tag_may_follow = part in CHOICE_KEYS and not kept
        kept.append(part)
    return kept or [WHOLE]


def members(annotation: Any) -> list[type]:
    """Return the dataclasses an annotation admits."""
    if get_origin(annotation) is Annotated:
        family = next((note for note in annotation.__metadata__ if isinstance(note, OneOf)), None)
        return members(get_args(annotation)[0]) if family is None else list(family.members)
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for part in get_args(annotation) for member in members(part)]
    return [annotation] if is_dataclass(annotation) and isinstance(annotation, type) else []


CHOICE_KEYS = ("generator", "critic", "objective", "constraint", "generator_optimizer", "critic_optimizer")


SCHEDULE = frozenset(field.name for field in fields(Schedule))


CHOICE_NAMES = frozenset(
    str(field.default)
    for annotation in get_type_hints(RunConfig, include_extras=True).values()
    for member in members(annotation)
    for field in fields(member)
    if field.name == "name"
)


def known_fields(parents: Iterable[str]) -> list[str]:
    """Return the names of the settings below a dotted key."""
    return [field.name for choice in choices_at(parents) for field in fields(choice)]


def choices_at(parents: Iterable[str]) -> list[Any]:
    """Return the classes that may stand at a dotted key."""
    choices: list[type] = [RunConfig]
    for parent in parents:
        choices = [
            member for choice in choices for member in members(get_type_hints(choice, include_extras=True).get(parent))
        ]
    return choices


def read_file(file: Path) -> dict[str, Any]:
    """Return the values in a JSON or TOML configuration file.

    Raises:
        UsageError: the file cannot be read or is neither.
    """
    name = printable(file)
    try:
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".toml":
            values: Any = tomllib.loads(text)
        elif file.suffix == ".json":
            values = json.loads(text)
        else:
            raise UsageError(f"{name}: configuration files end in .json or .toml")
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not valid {file.suffix[1:].upper()}: {printable(error)}") from None
    if not isinstance(values, dict):
        raise UsageError(f"{name} holds no settings; expected an object of settings by name")
    return values


def parse_override(text: str) -> tuple[str, Any]:
    """Split ``key=value``; the value is read as JSON where it is JSON, else as text.

    >>> parse_override("constraint.weight=0.1"), parse_override("device=cpu")
    (('constraint.weight', 0.1), ('device', 'cpu'))
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"'{printable(text)}' sets nothing: write KEY=VALUE, for example critic_steps=3")
    if key in OPTIONS:
        raise UsageError(f"'{key}' is no setting but an option of its own: write {OPTIONS[key]}")
    try:
        return key, json.loads(value)
    except RecursionError:
        raise UsageError(f"the value of '{printable(key)}' is nested too deeply to be a setting") from None
    except ValueError:
        return key, value


DEEPEST = 8
"""more levels than any setting has"""


def copied(value: Any, levels: int = DEEPEST) -> Any:
    """Return a value whose dictionaries a later key may change: those given are the caller's."""
    if not isinstance(value, dict) or not levels:
        return value
    return {name: copied(inner, levels - 1) for name, inner in value.items()}


def override(values: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key in place. A choice may be named alone: ``constraint=weight-clipping``.

    Raises:
        UsageError: there is no such setting; the nearest one is named.
    """
    *parents, last = key.split(".")
    place = values
    for depth, parent in enumerate(parents):
        if place.get(parent) is None:
            place[parent] = {}
        if isinstance(place[parent], int | float) and not isinstance(place[parent], bool):
            place[parent] = {"start": place[parent]} if last in SCHEDULE else {}
        if parent not in known_fields(parents[:depth]) or not isinstance(place[parent], dict):
            raise UsageError(
                f"there is no setting '{printable(key)}'" + did_you_mean(parent, known_fields(parents[:depth]))
            )
        place = place[parent]
    if last not in known_fields(parents):
        raise UsageError(f"there is no setting '{printable(key)}'" + did_you_mean(last, known_fields(parents)))
    if not parents and isinstance(value, str) and isinstance(place.get(last), dict):
        value = {"name": value}
    place[last] = copied(value)


def merge(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Lay the values of a configuration file over ``values``, part by part, in place."""
    for key, value in changes.items():
        below = values.get(key)
        renamed = isinstance(value, Mapping) and value.get("name", None) not in (
            None,
            below.get("name") if isinstance(below, dict) else None,
        )
        if isinstance(value, Mapping) and isinstance(below, dict) and not renamed:
            merge(below, value)
        else:
            values[key] = dict(value) if isinstance(value, Mapping) else value


def differences(one: RunConfig, other: RunConfig) -> list[str]:
    """Return the dotted keys in which two configurations differ, with both values."""

    def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in values.items():
            if isinstance(value, dict):
                result |= flat(value, f"{prefix}{key}.")
            else:
                result[prefix + key] = value
        return result

    a, b = flat(asdict(one)), flat(asdict(other))
    return [f"{key}: {a.get(key)!r} -> {b.get(key)!r}" for key in sorted(a | b) if a.get(key) != b.get(key)]


def configure(
    preset: str | None = None,
    *,
    reduced: bool = False,
    file: Path | None = None,
    settings: dict[str, Any] | None = None,
    base: RunConfig | None = None,
    usual: str = DEFAULT,
) -> RunConfig:
    """Return a configuration: a preset, under a file, under settings by dotted key.

    Args:
        preset: a name from :data:`gradpen.presets.catalogue.PRESETS`; none: the file's, or the usual one.
        reduced: the preset's reduced version, with an eighth of the channels and a short run, for a laptop.
        file: a JSON or TOML file with any part of a configuration, for example a run's ``config.json``.
        settings: values by dotted key. ``learning_rate`` sets both optimisers, ``penalty_weight`` the
            constraint's weight and ``size`` the data's, as the command line's options do.
        base: what stands instead of a preset where none is named.
        usual: the preset where neither is.

    Raises:
        UsageError: a name or a value is wrong; the message says which and what was expected.

    >>> configure("wgan-gp", settings={"penalty_weight": 1, "critic_steps": 3}).constraint.weight
    1.0
    """
    changes = read_file(file) if file is not None else {}
    if base is None or preset is not None:
        chosen = find(str(changes.get("preset", usual) if preset is None else preset)).config()
    else:
        chosen = base
    values = to_dict(reduced_preset(chosen) if reduced else chosen)
    settings = settings or {}
    if "data.labels" in settings or not str(settings.get("data.path", EMBEDDED)).startswith(EMBEDDED):
        values["data"]["columns"] = []
    merge(values, changes)
    if preset is not None:
        values["preset"] = preset
    if not all(isinstance(values[part], dict) for part in ("data", "constraint")):
        return from_dict(values)
    for key, value in settings.items():
        for place in PLACES.get(key, (key,)):
            if key == "penalty_weight" and "weight" not in values["constraint"]:
                raise UsageError(
                    f"a penalty weight was given, but the constraint of {values['preset']} is "
                    f"{values['constraint']['name']}, which has none; choose `preset=wgan-gp`, or leave it out"
                )
            override(values, place, restarted(values, place, value) if key in PLACES else value)
    return from_dict(values)


def restarted(values: Mapping[str, Any], place: str, value: Any) -> Any:
    """Return a number for a place; a schedule that is there starts from the number and keeps its proportion."""
    part, _, name = place.rpartition(".")
    before = values[part].get(name) if part else None
    if not isinstance(before, dict) or not isinstance(value, int | float):
        return value
    if not before.get("start") or "end" not in before:
        return {**before, "start": value}
    return {**before, "start": value, "end": before["end"] * value / before["start"]}


OPTIONS = {
    "preset": "`preset=NAME`",
    "size": "`size=N`",
    "learning_rate": "`learning_rate=NUMBER`, or generator_optimizer.learning_rate for one of the networks",
    "penalty_weight": "`penalty_weight=NUMBER`, or constraint.weight",
}
"""what ``--set`` may be tried with, and what to write"""
PLACES = {
    "learning_rate": ("generator_optimizer.learning_rate", "critic_optimizer.learning_rate"),
    "penalty_weight": ("constraint.weight",),
    "size": ("data.size",),
}
