#!/usr/bin/env python3
"""Every file that the documentation names is there: links, their headings, and paths in backquotes."""

import pathlib
import re
import sys
import unittest

TREE = pathlib.Path(".clang-format").resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(TREE / "docs/site"))
import markdown  # noqa: E402
import pages  # noqa: E402

HOUSES = "accelerate|docs|formats|kernels|launcher|testing|third_party|train"
PATH = re.compile(r"`((?:%s)/[\w./-]*\w)`" % HOUSES)


class Documents(unittest.TestCase):
    def test_link_to_what_is_there(self):
        for document in pages.documents():
            for link in markdown.links(document.read_text()):
                target, _, anchor = link.partition("#")
                aim = (document.parent / target) if target else document
                with self.subTest(document=document.name, link=link):
                    self.assertTrue(aim.exists())
                    if anchor and aim.suffix == ".md":
                        self.assertIn(anchor, markdown.anchors(aim.read_text()))

    def test_name_paths_that_are_there(self):
        for document in pages.documents():
            for path in PATH.findall(document.read_text()):
                with self.subTest(document=document.name, path=path):
                    self.assertTrue((TREE / path).exists() or any(TREE.glob(path + ".*")))

    def test_have_one_title_each(self):
        for document in pages.documents():
            with self.subTest(document=document.name):
                self.assertEqual(len(markdown.titles(document.read_text())), 1)

    def test_are_found(self):
        names = {document.name for document in pages.documents()}
        self.assertLessEqual({"README.md", "CONTRIBUTING.md", "design.md", "cpu.md"}, names)


class Markdown(unittest.TestCase):
    def test_has_links_in_prose_and_none_in_code(self):
        text = "[a](b.md#c) `[d](e)` [f](https://g) ![h](i.png \"j\")\n[`k`](l)\n\n```cpp\n[m](n)\n```\n[o](p)\n"
        self.assertEqual(markdown.links(text), ["b.md#c", "i.png", "l", "p"])

    def test_changes_links_and_nothing_else(self):
        text = "[a](b) `[d](e)`\n~~~\n[m](n)\n~~~\n| [`x`](b \"t\") |\n"
        self.assertEqual(markdown.with_links(text, str.upper), text.replace("(b", "(B"))

    def test_has_the_anchors_of_github(self):
        text = "# A & b, `c_d` (e)\n## [Link](x.md) to-it\n```sh\n# no heading\n```\n## Twice\n## Twice ##\n"
        text += "<a id=\"own\"></a>\n"
        self.assertEqual(markdown.anchors(text), {"a--b-c_d-e", "link-to-it", "twice", "twice-1", "own"})


if __name__ == "__main__":
    sys.exit(unittest.main())
