#!/usr/bin/env python3
"""The worked examples of docs/design.md name all files in which their words stand, and no others."""

import pathlib
import re
import sys
import unittest

TREE = pathlib.Path(".clang-format").resolve().parent
HOUSES = ("accelerate", "docs", "formats", "kernels", "launcher", "testing", "third_party", "train")
DESIGN = TREE / "docs/design.md"
# - a launch flag, `--word` (`word`): `launcher/one.cc`, `docs/two.md`.
# - the code of a precision, `word` (`Word`): `accelerate/one.h`.
EXAMPLE = re.compile(r"^- ((?:the code of )?an? [\w ]+), `[^`]+` \(`([^`]+)`\): ((?:`[^`]+`(?:,\s+)?)+)\.$", re.M)
# As many files as one more may touch: its tests and documents with them, or only its code.
MOST = {"a launch flag": 8, "a subcommand": 6, "the code of a precision": 6, "the code of an optimizer": 9}
# The page itself, and files that are recorded or measured.
SKIPPED = re.compile(r"docs/design\.md|docs/benchmarks/.*|.*/testdata/.*")
# What is not code: documents, tests and what only they use. Nor are comments and sentences.
NO_CODE = re.compile(r"docs/.*|(.*/)?testing/.*|.*/(gpu_test|self_test)/.*|.*_test\..*|.*/test_helpers\..*|.*\.md")
COMMENT = re.compile(r"^\s*(//|#(?!include)).*$", re.M)
SENTENCE = re.compile(r'"""(?s:.*?)"""|"[^"\n]* [^"\n]* [^"\n]*"')


def examples():
    return {what: (word, set(re.findall("`([^`]+)`", files)))
            for what, word, files in EXAMPLE.findall(DESIGN.read_text())}


def sources():
    for house in HOUSES:
        for path in (TREE / house).rglob("*"):
            name = str(path.relative_to(TREE))
            if path.is_file() and not SKIPPED.fullmatch(name):
                yield name, path.read_text(errors="replace")


def code(texts):
    for name, text in texts:
        if not NO_CODE.fullmatch(name):
            yield name, SENTENCE.sub("", COMMENT.sub("", text))


class WorkedExamples(unittest.TestCase):
    def test_name_the_files_in_which_their_words_stand(self):
        texts = list(sources())
        of_code = list(code(texts))
        for what, (word, files) in examples().items():
            # A suffix of a file counts, and a longer word does not.
            pattern = re.compile(r"(?<![A-Za-z0-9_])(?:%s)(?![A-Za-z0-9])" % word)
            with self.subTest(what=what, word=word):
                self.assertEqual(files, {name for name, text in (of_code if what.startswith("the code") else texts)
                                         if pattern.search(text)})

    def test_are_no_longer_than_promised(self):
        for what, most in MOST.items():
            with self.subTest(what=what):
                self.assertLessEqual(len(examples()[what][1]), most)

    def test_are_read(self):
        self.assertLessEqual({"a launch flag", "a subcommand", "a key of config files", "the code of a precision",
                              "the code of a strategy", "the code of an optimizer"}, set(examples()))
        bullets = re.findall(r"^- (?:the code of )?an? .*, `", DESIGN.read_text(), re.M)
        self.assertEqual(len(bullets), len(examples()))


if __name__ == "__main__":
    sys.exit(unittest.main())
