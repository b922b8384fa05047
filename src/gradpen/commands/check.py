"""``gradpen check``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from gradpen.commands.options import option
from gradpen.errors import UsageError
from gradpen.text import printable


@dataclass(frozen=True, kw_only=True)
class Check:
    """Check anybody's gradient penalty, or a whole loss, on critics whose gradients are known.

    This runs the code that is named: a module is imported; of a file only the function and what it needs are run. How
    the function is called is found by the names of its arguments. Exit code 0: all holds; 1: something is wrong; 2: it
    cannot be judged.
    """

    source: Annotated[Positional[str], arg(metavar="package.module:function|file.py:function|file.py")]
    """The function; a method as Class.method. Of a file alone, all that takes a gradient or trains with a penalty."""
    critic: Annotated[str | None, option("package.module:Critic", "none")] = None
    """A critic to look at too: a module, or a class or function that makes one without arguments; needs --shape."""
    shape: Annotated[str | None, option("C,H,W", "vectors, signals, images and volumes")] = None
    """Shape of one example, as 3,64,64."""
    batch: Annotated[int | None, option("N", "6, or what the function takes")] = None
    """Examples in a batch."""
    weight: Annotated[float | None, option("X", "whatever is found")] = None
    """The penalty coefficient that is meant."""
    what: Annotated[
        Literal["penalty", "critic-loss", "generator-loss"] | None,
        option("penalty|critic-loss|generator-loss", "a penalty, or else a critic's loss"),
    ] = None
    """What the function is."""
    json: bool = False
    """Print JSON."""

    def run(self) -> int:
        """Load, check and print."""
        from gradpen.checking.lint import check
        from gradpen.checking.loading import load_named
        from gradpen.checking.parts import parts_of

        alone = self.source.endswith(".py")
        reports = [
            check(
                load_named(source),
                critic=None if self.critic is None else load_named(self.critic),
                shape=None if self.shape is None else parse_shape(self.shape),
                batch=self.batch,
                weight=self.weight,
                what=self.what,
            )
            for source in (parts_of(self.source) if alone else [self.source])
        ]
        found = [report.to_json() for report in reports]
        print(
            json.dumps(found if alone else found[0], indent=2)
            if self.json
            else "\n\n".join(report.page() for report in reports)
        )
        return worst_of([report.exit_code for report in reports])


def worst_of(codes: Sequence[int]) -> int:
    """Return the exit code of several checks: 1 if something is wrong in any, else 2 if any cannot be judged.

    >>> worst_of([0, 2, 1]), worst_of([0, 2]), worst_of([0, 0])
    (1, 2, 0)
    """
    return 1 if 1 in codes else max(codes)


def parse_shape(text: str) -> tuple[int, ...]:
    """Return the sides of an example.

    >>> parse_shape("3,64,64"), parse_shape("3x64x64")
    ((3, 64, 64), (3, 64, 64))

    Raises:
        UsageError: they are not numbers from 1.
    """
    sides = text.replace("x", ",").split(",")
    if not all(side.strip().isdecimal() and int(side) > 0 for side in sides):
        raise UsageError(f"--shape {printable(text)}: expected the sides of one example, as in 3,64,64")
    return tuple(map(int, sides))
