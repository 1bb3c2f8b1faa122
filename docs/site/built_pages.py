"""Checks the site as a browser would find it: every link leads somewhere, and nothing is loaded from elsewhere."""

import html.parser
import pathlib
import urllib.parse

import pages

# What a page loads by itself.
LOADED = {("img", "src"), ("script", "src"), ("iframe", "src"), ("source", "src"), ("link", "href")}


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.names, self.links, self.loads = set(), set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id" or (tag == "a" and name == "name"):
                self.names.add(value)
            elif (tag, name) in LOADED:
                self.loads.add(value)
            elif name == "href":
                self.links.add(value)


def faults(folder):
    """A sentence for each."""
    read = {file: Page(file.read_text()) for file in sorted(folder.rglob("*.html"))}
    for file, page in read.items():
        for address in sorted(page.links | page.loads):
            url = urllib.parse.urlsplit(address)
            if url.scheme == "data":
                continue
            if url.scheme or url.netloc:
                if address in page.loads:
                    yield f"{file.relative_to(folder)} loads {address}, and would need a network"
                continue
            aim = (file.parent / urllib.parse.unquote(url.path)).resolve() if url.path else file
            if not aim.is_file():
                yield f"{file.relative_to(folder)} links to {address}, which is not there"
            elif url.fragment and aim in read and urllib.parse.unquote(url.fragment) not in read[aim].names:
                yield f"{file.relative_to(folder)} links to {address}, which has no such heading"
    for file in sorted(pathlib.Path(folder).rglob("*.css")):
        text = file.read_text()
        if "url(http" in text or "url(//" in text or "@import" in text:
            yield f"{file.relative_to(folder)} loads something from elsewhere"


def check(folder):
    found = list(faults(folder.resolve()))
    if found:
        raise pages.Refusal("\n".join(found))
