"""``gradpen report``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from gradpen.commands.options import LanguageOption, option
from gradpen.errors import UsageError, readable_writes
from gradpen.text import printable


@dataclass(frozen=True, kw_only=True)
class Report:
    """Write the report of a run anew, or one page with two runs side by side.

    Of two runs the page says what differs between their settings, and shows their verdicts, their curves on equal axes
    and their samples after equally many iterations.

    Typical commands:

      gradpen report runs/00001-photos-quick
      gradpen report runs/00001-photos-quick runs/00002-photos-wgan --out both.html
      gradpen report runs/00001-photos-quick --language ko
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A folder made by gradpen train, finished or not."""
    other: Annotated[Positional[Path | None], option("[RUN]", "one run alone")] = None
    """Another, to stand beside it."""
    out: Annotated[Path | None, option("FILE.html", "RUN/report.html; of two runs, beside.html")] = None
    """Where the page is written."""
    language: LanguageOption = None
    """Language of the page: English or Korean."""

    def run(self) -> int:
        """Write the page and name it."""
        from gradpen.language import speaking
        from gradpen.looking.beside import beside
        from gradpen.looking.report import publish
        from gradpen.runs.checkpoint import replace_file
        from gradpen.runs.folder import existing_folder

        if self.out is not None and self.out.suffix != ".html":
            raise UsageError(f"--out {printable(self.out)}: a report is written to a .html file")
        folder = existing_folder(self.run_folder)
        with speaking(self.language):
            if self.other is None:
                publish(folder)
                out, content = self.out or folder.report, folder.report.read_bytes()
            else:
                out, content = self.out or Path("beside.html"), beside(folder, existing_folder(self.other)).encode()
        with readable_writes(UsageError, out, "name another place with --out"):
            replace_file(out, content)
        print(f"report   {out}")
        return 0
