"""Check the built pages: ``python docs/check_links.py docs/_build/html``.

Every link within the site must lead to a file that is there, and to a place on it that is there.
Nothing may be loaded from elsewhere: the pages are as good without a network.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["faults_of"]

LOADED = {("img", "src"), ("script", "src"), ("iframe", "src"), ("source", "src"), ("link", "href")}
"""Elements that a browser fetches without being asked, and the attribute that says from where."""


class Page(HTMLParser):
    """Anchors of a page, and what it refers to.

    Attributes
    ----------
    anchors : set of str
        Values of ``id``, and of ``name`` in links.
    references : list of (str, bool)
        Addresses, and whether a browser loads them by itself.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.references: list[tuple[str, bool]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the anchor and the addresses of an element."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        for name in ("href", "src"):
            if name in given:
                self.references.append((given[name], (tag, name) in LOADED))
        for part in given.get("srcset", "").split(","):
            if part.strip():
                self.references.append((part.split()[0], True))


def faults_of(folder: Path) -> list[str]:
    """List the references that lead nowhere, and those that a page loads from the network.

    Parameters
    ----------
    folder : Path
        Of the built site.

    Returns
    -------
    faults : list of str
        A line for each fault, with the file it is in.
    """
    pages = {path.resolve(): Page(path.read_text()) for path in _pages(folder)}
    faults = []
    for path, page in pages.items():
        for address, is_loaded in page.references:
            fault = _fault_of(address, is_loaded, path, pages)
            if fault:
                faults.append(f"{path.relative_to(folder.resolve())}: {fault}: {address}")
    for sheet in sorted(folder.rglob("*.css")):
        for address in re.findall(r"url\(\s*[\"']?([^\"')]+)", sheet.read_text()):
            fault = _fault_of(address, True, sheet.resolve(), pages)
            if fault:
                faults.append(f"{sheet.relative_to(folder)}: {fault}: {address}")
    return faults


def _pages(folder: Path) -> list[Path]:
    """List the pages of a site; what themes keep among their files are templates."""
    return [path for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts]


def _fault_of(address: str, is_loaded: bool, path: Path, pages: dict[Path, Page]) -> str | None:
    """Say what is wrong with one reference in the file of a path, or None."""
    url = urlsplit(address)
    if url.scheme == "data":
        return None
    if url.scheme or url.netloc:
        return "loaded from the network" if is_loaded else None
    target = (path.parent / unquote(url.path)).resolve() if url.path else path
    if not target.is_file():
        return "no such file"
    anchor = unquote(url.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return "no such place on the page"
    return None


if __name__ == "__main__":
    site = Path(sys.argv[1])
    found = faults_of(site)
    print("\n".join(found) or f"{len(_pages(site))} pages: every link leads somewhere")
    sys.exit(1 if found else 0)
