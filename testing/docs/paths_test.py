#!/usr/bin/env python3
"""Every file that the documentation names is there: links, their headings, and paths in backquotes."""

import pathlib
import re
import sys
import unittest

TREE = pathlib.Path(".clang-format").resolve().parent
HOUSES = "accelerate|docs|formats|kernels|launcher|testing|third_party|train"
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)")
PATH = re.compile(r"`((?:%s)/[\w./-]*\w)`" % HOUSES)


def documents():
    return [TREE / "README.md", TREE / "CONTRIBUTING.md", *sorted(TREE.glob("docs/*.md"))]


def anchors(document):
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class Documents(unittest.TestCase):
    def test_link_to_what_is_there(self):
        for document in documents():
            for target, anchor in LINK.findall(document.read_text()):
                aim = (document.parent / target) if target else document
                with self.subTest(document=document.name, link=target + anchor):
                    self.assertTrue(aim.exists())
                    if anchor and aim.suffix == ".md":
                        self.assertIn(anchor[1:], anchors(aim))

    def test_name_paths_that_are_there(self):
        for document in documents():
            for path in PATH.findall(document.read_text()):
                with self.subTest(document=document.name, path=path):
                    self.assertTrue((TREE / path).exists() or any(TREE.glob(path + ".*")))

    def test_are_found(self):
        names = {document.name for document in documents()}
        self.assertLessEqual({"README.md", "CONTRIBUTING.md", "design.md"}, names)


if __name__ == "__main__":
    sys.exit(unittest.main())
