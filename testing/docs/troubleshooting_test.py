#!/usr/bin/env python3
"""Every message that docs/troubleshooting.md and docs/security.md quote is still in the sources.

A quoted message is the first cell, in backquotes, of a row of a table that is headed `message`. Words such as N and NAME
stand for what differs; what is between them must be in the string literals of the sources.
"""

import pathlib
import re
import sys
import unittest

TREE = pathlib.Path(".clang-format").resolve().parent
PAGES = [TREE / "docs/troubleshooting.md", TREE / "docs/security.md"]
HOUSES = ("accelerate", "launcher", "formats")
NO_SOURCE = re.compile(r".*_test\.(cc|h)|.*/(testing|testdata|gpu_test|self_test)/.*")
# What a source consists of, so that quotes in comments are no literals.
TOKEN = re.compile(r"""//[^\n]*|/\*(?s:.*?)\*/|'(?:[^'\\\n]|\\.[^'\n]*)'|"((?:[^"\\\n]|\\.)*)\"""")
ESCAPE = re.compile(r"\\(.)")
QUOTED = re.compile(r"^\| (`+)(.+?)\1 \|")
PLACEHOLDER = re.compile(r"(?<![A-Za-z_])(?:N|NAME|PATH|ADDRESS|REASON)(?![A-Za-z_])")
# A message of less fixed text than that would be found by chance.
LEAST = 12
FEWEST_MESSAGES = {"troubleshooting.md": 30, "security.md": 4}


def literals(text):
    """The string literals of a source, those that only white space parts joined."""
    joined, end = [], None
    for token in TOKEN.finditer(text):
        if token.group(1) is None:
            continue
        literal = ESCAPE.sub(lambda escape: {"n": "\n", "t": "\t"}.get(escape.group(1), escape.group(1)), token.group(1))
        if end is not None and not text[end:token.start()].strip():
            joined[-1] += literal
        else:
            joined.append(literal)
        end = token.end()
    return joined


def messages(page):
    """What is quoted in the tables of messages."""
    is_in_table = False
    for line in page.split("\n"):
        if line.startswith("| message |"):
            is_in_table = True
        elif not line.startswith("|"):
            is_in_table = False
        elif is_in_table and (quoted := QUOTED.match(line)):
            yield quoted.group(2)
        elif is_in_table and not line.startswith("| ---"):
            raise ValueError("no message in backquotes begins the row " + line)


def fixed_pieces(message):
    """Those that hold a word; the rest is punctuation between two placeholders."""
    return [piece for piece in PLACEHOLDER.split(message) if re.search(r"[A-Za-z]", piece)]


def sources():
    for house in HOUSES:
        for path in sorted((TREE / house).rglob("*")):
            if path.suffix in (".cc", ".h", ".cu") and not NO_SOURCE.fullmatch(str(path.relative_to(TREE))):
                yield path.read_text(errors="replace")


class Troubleshooting(unittest.TestCase):
    def test_quotes_what_the_sources_say(self):
        said = [literal for text in sources() for literal in literals(text)]
        for page in PAGES:
            for message in messages(page.read_text()):
                pieces = fixed_pieces(message)
                with self.subTest(page=page.name, message=message):
                    self.assertGreaterEqual(max(map(len, pieces), default=0), LEAST)
                    self.assertEqual([], [piece for piece in pieces if not any(piece in literal for literal in said)])

    def test_finds_the_messages(self):
        for page in PAGES:
            with self.subTest(page=page.name):
                self.assertGreaterEqual(len(list(messages(page.read_text()))), FEWEST_MESSAGES[page.name])


class Literals(unittest.TestCase):
    def test_are_joined_over_lines_and_not_taken_from_comments(self):
        text = '// "a comment"\nfail(\'"\', "one "\n     "and \\"two\\"", x, "three");'
        self.assertEqual(["one and \"two\"", "three"], literals(text))

    def test_are_looked_for_between_placeholders(self):
        self.assertEqual(["rank ", " of ", " waits"], fixed_pieces("rank N of N waits"))
        self.assertEqual(["--num_processes=", " needs"], fixed_pieces("--num_processes=N needs"))

    def test_rows_must_quote(self):
        with self.assertRaises(ValueError):
            list(messages("| message | cause |\n| --- | --- |\n| no quote | x |"))


if __name__ == "__main__":
    sys.exit(unittest.main())
