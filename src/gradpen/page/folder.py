"""The folder that a page looks at: what was found below it, and nothing else."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradpen.errors import RunError
from gradpen.page.listing import Place, group_of, line_of, look_below, refuse_links
from gradpen.page.models import Models
from gradpen.runs.folder import RunFolder, is_run
from gradpen.text import printable


@dataclass
class Page:
    """A folder that is looked at."""

    root: Path
    models: Models = field(default_factory=Models)
    place: Place = field(init=False)

    def __post_init__(self) -> None:
        self.place = look_below(self.root)

    def overview(self) -> dict[str, Any]:
        """Return every run and every study in a line."""
        self.place = look_below(self.root)
        return {
            "root": printable(self.root.resolve().name),
            "runs": [line_of(name, path) for name, path in self.place.runs.items()],
            "groups": [group_of(name, path) for name, path in self.place.groups.items()],
        }

    def run_folder(self, name: str | None) -> RunFolder:
        """Return the folder of a run that was found; nothing else below or beside the given folder is ever opened.

        Raises:
            RunError: there is none of that name.
        """
        if name not in self.place.runs or not is_run(self.place.runs[name]):
            self.place = look_below(self.root)
        if name is None or name not in self.place.runs:
            raise RunError(f"There is no run '{printable(name)}' here; it may have been moved or deleted.")
        folder = RunFolder(path=self.place.runs[name])
        refuse_links(folder)
        return folder

    def group(self, name: str | None) -> Path:
        """Return the folder of a study or comparison that was found.

        Raises:
            RunError: there is none of that name.
        """
        if name is None or name not in self.place.groups:
            raise RunError(f"There is no study '{printable(name)}' here.")
        return self.place.groups[name]

    def content(self, file: Path) -> bytes:
        """Return the content of a file of a run; of one that is a link out of the given folder, nothing.

        Raises:
            RunError: it is not there.
        """
        try:
            if file.resolve().is_relative_to(self.root.resolve()):
                return file.read_bytes()
        except (OSError, RuntimeError):
            pass  # it is gone, or a link to itself
        raise RunError(f"{printable(file.name)} is not there.")
