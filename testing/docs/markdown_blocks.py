"""The blocks of code of a Markdown page: what stands between ``` with the name of a language, and ```."""

import dataclasses
import re

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclasses.dataclass
class Block:
    language: str
    line: int  # The number of the line above the text.
    text: str


def blocks(page, language=None):
    """The blocks of a page's text in their order; only those of a language, if one is given."""
    for block in _BLOCK.finditer(page):
        if language in (None, block[1]):
            yield Block(block[1], page.count("\n", 0, block.start()) + 1, block[2])
