#!/usr/bin/env python3
"""docs/from_python.md has a row for each public name of Hugging Face Accelerate, and names no C++ that is not there."""

import fnmatch
import json
import pathlib
import re
import sys
import unittest

TREE = pathlib.Path(".clang-format").resolve().parent
PAGE = TREE / "docs/from_python.md"
# Made by testing/recordings/record_public_names.py, which says what its lists are.
RECORDED = TREE / "testing/docs/testdata/python_public_names.json"
# The heading above the table of each list.
HEADINGS = {
    "accelerate": "What `accelerate` exports",
    "Accelerator(...)": "Arguments of `Accelerator(...)`",
    "Accelerator": "Methods and properties of `Accelerator`",
    "options": "Fields of the option classes",
    "accelerate.utils": "What `accelerate.utils` exports",
    "modules": "Other modules",
    "commands": "Commands",
    "accelerate launch": "Flags of `accelerate launch`",
    "config file": "Keys of a config file",
}
# Where `--fp8_*` stands for all names that begin so.
WITH_FAMILIES = {"accelerate launch", "config file"}
# What has the methods that the page calls.
OWNERS = {
    "accelerator": "core/accelerator.h",
    "model": "core/prepared_model.h",
    "optimizer": "core/prepared_optimizer.h",
    "scheduler": "core/prepared_scheduler.h",
    "loader": "data/data_loader.h",
}
CALL = re.compile(r"(?<![\w.])(%s)\.(?:template )?(\w+)(?=[(<])" % "|".join(OWNERS))
CODE = re.compile(r"`([^`]+)`")
FENCED = re.compile(r"^```.*?^```$", re.M | re.S)
COMMENT = re.compile(r"//.*|/\*.*?\*/")


def recorded():
    return json.loads(RECORDED.read_text())["names"]


def sections():
    """The lines below each heading, by the heading."""
    parts = re.split(r"^#+ (.*)$", FENCED.sub("", PAGE.read_text()), flags=re.M)
    return {heading: text.split("\n") for heading, text in zip(parts[1::2], parts[2::2])}


def rows(lines):
    """The cells of each row of the tables in some lines, without the heads."""
    for line in lines:
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def names_of_rows(group):
    for cells in rows(sections()[HEADINGS[group]]):
        yield from CODE.findall(cells[0])


def spans_of_cpp():
    """What the page has in backquotes, but for the first cells of tables, which have Python's names."""
    for heading, lines in sections().items():
        is_of_python = heading in HEADINGS.values()
        for line in lines:
            cells = list(rows([line]))
            yield from CODE.findall(" ".join(cells[0][1:]) if cells and is_of_python else line)


def code_of(headers):
    return "\n".join(COMMENT.sub("", header.read_text()) for header in headers)


def cpp_names():
    """Each C++ name of the page: the code that it is in, the name, how a header has it, and the headers' code."""
    everything = code_of(path for path in (TREE / "accelerate").rglob("*.h") if "test" not in path.name)
    owners = {owner: code_of([TREE / "accelerate" / path]) for owner, path in OWNERS.items()}
    for span in sorted(set(spans_of_cpp())):
        for owner, name in CALL.findall(span):
            yield span, name, rf"\b{name}\(", owners[owner]
        for name in re.findall(r"\baccelerator\.(strategy|precision)\b", span):
            yield span, name, rf"\b{name} =", owners["accelerator"]
        for names in re.findall(r"\baccelerate((?:::\w+)+)", span):
            for name in names.split("::")[1:]:
                yield span, name, rf"\b{name}\b", everything
        for name in re.findall(r"(?<![\w)])\.(\w+) = ", span):
            yield span, name, rf"\b{name}( =|;)", everything


class FromPython(unittest.TestCase):
    def test_has_one_row_for_each_name(self):
        for group, names in recorded().items():
            written = list(names_of_rows(group))
            for name in names:
                rows_of_it = [each for each in written if each == name or
                              (group in WITH_FAMILIES and "*" in each and fnmatch.fnmatchcase(name, each))]
                with self.subTest(group=group, name=name):
                    self.assertEqual(1, len(rows_of_it), rows_of_it)

    def test_names_nothing_that_python_has_not(self):
        for group, names in recorded().items():
            for written in names_of_rows(group):
                with self.subTest(group=group, name=written):
                    self.assertTrue(fnmatch.filter(names, written))

    def test_has_something_in_each_row(self):
        for group, heading in HEADINGS.items():
            for cells in rows(sections()[heading]):
                with self.subTest(group=group, row=cells[0]):
                    self.assertEqual(2, len(cells))
                    self.assertTrue(all(cells))

    def test_names_no_cpp_that_is_not_there(self):
        used = list(cpp_names())
        for span, name, pattern, code in used:
            with self.subTest(span=span, name=name):
                self.assertTrue(re.search(pattern, code), f"no header of accelerate/ has {pattern}")
        self.assertGreater(len({name for _, name, _, _ in used}), 100)


if __name__ == "__main__":
    sys.exit(unittest.main())
