"""Parts of a page that needs nothing but itself: offline, safe against hostile names, on phones and on paper."""

import base64
import html
from collections.abc import Sequence

from gradpen.language import Language
from gradpen.text import printable

STYLE = """
:root { color-scheme: light; --ink: #1a1a1a; --soft: #5c5c5c; --line: #dcdcdc; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff; margin: 2rem auto;
  max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p.lead { color: var(--soft); margin-top: 0; }
table { border-collapse: collapse; margin: .5rem 0; } td, th { padding: .25rem .9rem .25rem 0; text-align: left;
  border-bottom: 1px solid var(--line); vertical-align: top; } th { font-weight: 600; }
td.number { font-variant-numeric: tabular-nums; text-align: right; }
figure { margin: 0; } figcaption { color: var(--soft); font-size: .9rem; }
.grids { display: flex; flex-wrap: wrap; gap: 1.5rem; } .grids img { max-width: 100%; width: 22rem;
  image-rendering: pixelated; } img.wide { max-width: 100%; }
.panels, .beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1.5rem; }
.panels img, .beside img { width: 100%; } .beside > * { min-width: 0; }
body { overflow-wrap: anywhere; }
@media (max-width: 40rem) { body { margin: 1rem auto; } td, th { display: block; border: 0; padding-right: 0; }
  tr { display: block; border-bottom: 1px solid var(--line); padding: .3rem 0; } td.number { text-align: left; } }
@media print { body { margin: 0; max-width: none; font-size: 11pt; } figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; } pre { white-space: pre-wrap; } }
pre { background: #f6f6f6; padding: 1rem; overflow-x: auto; font-size: .85rem; }
"""

STYLES: dict[Language, str] = {"en": "", "ko": "body { word-break: keep-all; }\n"}
"""of a language's own: Korean lines break between words"""


def text(value: object) -> str:
    """Return an outside value, safe to put into the page."""
    return html.escape(printable(value), quote=True)


def picture(content: bytes, caption: str | Sequence[str], style: str, *, name: str | None = None) -> str:
    """Return a PNG embedded in the page with its caption, sentences or one, and its name for those who see none."""
    sentences = [caption] if isinstance(caption, str) else caption
    data = base64.b64encode(content).decode()
    return (
        f'<figure><img class="{style}" alt="{text(name or sentences[0])}" src="data:image/png;base64,{data}">'
        f"<figcaption>{' '.join(map(text, sentences))}</figcaption></figure>"
    )


def table(rows: list[tuple[str, str]]) -> str:
    """Return a table of names and values."""
    cells = "".join(f"<tr><th>{text(name)}</th><td>{text(value)}</td></tr>" for name, value in rows)
    return f"<table>{cells}</table>"


def table_of_columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with a head; the first cell of a row is its name."""
    heads = "".join(f"<th>{text(cell)}</th>" for cell in head)
    cells = "".join(
        f"<tr><th>{text(first)}</th>{''.join(f'<td>{text(cell)}</td>' for cell in rest)}</tr>" for first, *rest in rows
    )
    return f"<table><tr>{heads}</tr>{cells}</table>"


def paragraph(words: str) -> str:
    """Return words as a paragraph."""
    return f"<p>{text(words)}</p>"


def section(heading: str, content: str) -> str:
    """Return content under its heading."""
    return f"<h2>{text(heading)}</h2>{content}\n"


def document(heading: str, body: str, *, title: str | None = None, language: Language = "en") -> str:
    """Return a page that needs nothing but itself; its title is its heading where it has no other."""
    return f"""<!DOCTYPE html>
<html lang="{language}"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{text(title or heading)}</title><style>{STYLE}{STYLES[language]}</style></head><body>
<h1>{text(heading)}</h1>
{body}
</body></html>
"""
