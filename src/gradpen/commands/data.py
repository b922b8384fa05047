"""``gradpen data``."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional

from gradpen.commands.options import DATA_HELP, DataOptions, changed_data_options, option

if TYPE_CHECKING:
    from gradpen.data.choice import DataChoice


@dataclass(frozen=True, kw_only=True)
class Data(DataOptions):
    """Report on data without training: counts, sizes, modes, unreadable files by name, duplicates, classes."""

    data: Annotated[Positional[str | None], option("[DATA]", "the embedded digits", DATA_HELP)] = None
    json: bool = False
    """Print JSON."""

    def run(self) -> int:
        """Open the data and print the report."""
        from gradpen.commands.progress import ProgressLine
        from gradpen.data.recognise import open_source
        from gradpen.data.source import report_to_json

        with ProgressLine(type(self)) as progress:
            source = open_source(data_choice(self), progress=progress.decoding)
        values = report_to_json(source) | {
            "train_images": len(source.train),
            "held_out_images": len(source.held_out),
            "fingerprint": source.fingerprint,
        }
        print(json.dumps(values, indent=2, ensure_ascii=False) if self.json else data_page(values))
        return 0


def data_choice(options: Data) -> "DataChoice":
    """Return the checked choice of data."""
    from gradpen.settings import configure

    settings = {f"data.{name}": value for name, value in changed_data_options(options).items()}
    return configure(settings=settings if options.data is None else settings | {"data.path": options.data}).data


def data_page(values: dict[str, Any]) -> str:
    """Return the data report as lines of text."""
    from gradpen.data.values import shape_in_words

    lines = [
        f"{values['path']}: {values['kind']}",
        f"{'lines ' if values['values']['symbols'] else 'images'}      {values['used']:,} usable of "
        f"{values['found']:,} found; {values['train_images']:,} to train "
        f"on, {values['held_out_images']:,} held out",
        f"shape       {shape_in_words(values['shape'], values['values'])}",
        "sizes       " + ", ".join(f"{n:,} of {size}" for size, n in values["sizes"].items()),
        "modes       " + ", ".join(f"{n:,} {mode}" for mode, n in values["modes"].items()),
        f"duplicates  {len(values['duplicates'])} groups",
        *("            " + " = ".join(group[:4]) for group in values["duplicates"][:5]),
        f"unreadable  {len(values['unreadable'])}",
        *(f"            {file}: {reason}" for file, reason in values["unreadable"]),
    ]
    if values["classes"]:
        counts = values["classes"].values()
        lines.append(f"classes     {len(counts)}, from {min(counts):,} to {max(counts):,} images")
        lines += [f"            {name}: {n:,}" for name, n in values["classes"].items()]
    lines += [f"noted       {n:,} × {note}" for note, n in values["notes"].items()]
    lines += [f"left out    {n:,} × {suffix}" for suffix, n in values["other_files"].items()]
    lines.append(f"fingerprint {values['fingerprint']}")
    return "\n".join(lines)
