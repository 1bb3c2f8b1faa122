#!/usr/bin/env python3
"""Every header of the tree says by an example how it is used, and each example is compiled.

Arguments: NAME.headers of each header_examples, and `--with_cuda` where the build has CUDA.
"""

import pathlib
import re
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, "testing/examples")
import extract  # noqa: E402

TREE = pathlib.Path(".clang-format").resolve().parent
# What is found by others is not ours; a given is no header, though it is written like one.
ELSEWHERE = re.compile(r"(bazel-|\.|testing/examples/given/)")
PART = re.compile(r"\bPart of\s[^;.]*(\.h)?[^;.]*;")
CUDA = re.compile(r'#include [<"](cuda|cublas)')

with_cuda = False
public = set()
private = set()


def headers():
    return [
        path
        for path in (header.relative_to(TREE).as_posix() for header in sorted(TREE.rglob("*.h")))
        if not ELSEWHERE.match(path)
    ]


def text(path):
    return (TREE / path).read_text()


def has_example(path):
    return bool(extract.example(text(path)))


def is_part(path):
    return bool(PART.search("\n".join(line.text for line in extract.opening_comment(text(path)))))


def needs_cuda(path):
    """Whether a build without CUDA has no target with it."""
    return bool(CUDA.search(text(path))) or "__global__" in "".join(line.text for line in extract.example(text(path))) or path.startswith(("accelerate/gpu_test/", "testing/cuda_"))


def given_name(folder):
    return str(folder).replace("/", "_")


class Examples(unittest.TestCase):
    def test_headers_are_found(self):
        self.assertGreater(len(headers()), 300)
        self.assertGreater(len(public), 250)

    def test_every_header_has_one(self):
        for path in headers():
            if path in private:
                continue
            with self.subTest(header=path):
                self.assertTrue(
                    has_example(path) or is_part(path),
                    "open it with an example, as extract.py says; or say `Part of ...; not for others.`",
                )

    def test_every_one_is_compiled(self):
        for path in headers():
            if not has_example(path) or (needs_cuda(path) and not with_cuda):
                continue
            with self.subTest(header=path):
                self.assertTrue(
                    path in public | private,
                    "its example is compiled by nobody: add a target that depends on it to the roots in "
                    "testing/examples/BUILD, or its folder to the folders there",
                )

    def test_every_given_has_a_header(self):
        known = {given_name(parent) for path in headers() for parent in pathlib.Path(path).parents}
        sections = {(given_name(pathlib.Path(path).parent), pathlib.Path(path).name) for path in headers()}
        for given in sorted((TREE / "testing/examples/given").glob("*.h")):
            with self.subTest(given=given.name):
                self.assertIn(given.stem, known)
                for name in re.findall(extract.SECTION.pattern, given.read_text(), re.MULTILINE):
                    self.assertIn((given.stem, name), sections)


class Extraction(unittest.TestCase):
    """What extract.py takes for what."""

    @staticmethod
    def lines(code):
        return extract.example("// Title.\n//\n" + "".join(f"//   {line}\n" for line in code.split("\n")) + "#pragma once\n")

    def split(self, code):
        return [
            ("outside" if extract.stands_outside(statement) else "inside", len(statement))
            for statement in extract.statements(self.lines(code))
        ]

    def test_takes_the_opening_comment_alone(self):
        found = extract.example("// Title.\n//\n//   a();\n// Text.\n//   $ shell\n//     b();\n\n//   c();\n")
        self.assertEqual([(line.number, line.text) for line in found], [(3, "a();"), (6, "  b();")])

    def test_takes_what_comments_of_members_indent(self):
        found = extract.member_examples("class A {\n  // One:\n  //   a();\n  //   b();\n\n  // Two:\n  //   c();\n};\n")
        self.assertEqual([[line.text for line in lines] for lines in found], [["a();", "b();"], ["c();"]])

    def test_statements_end_outside_of_brackets(self):
        self.assertEqual(self.split('run({"a;",  // one;\n     "b"});\nif (x) {\n  y();\n}'), [("inside", 2), ("inside", 3)])

    def test_functions_types_and_tests_stand_outside(self):
        for code in [
            "int main(int argc, char** argv) {\n  return 0;\n}",
            "bool is_one(const Lookup& lookup = process_environment) {\n  return true;\n}",
            "void Scope::end(\n    int number) {\n}",
            "Scope::Scope(Model* model) : model_(model) {\n}",
            "template <class T>\nvoid use(T value);",
            "class A {\n};",
            "TEST_F(OnGpu, Waits) { run(); }",
            "ACCELERATE_MAIN(train)",
        ]:
            with self.subTest(code=code):
                self.assertEqual([place for place, _ in self.split(code)], ["outside"])

    def test_statements_stand_inside(self):
        for code in [
            "Lane lane(memory, peers);",
            "ReadAhead<Batch> batches(2,\n    [&](int worker) { return read(worker); });",
            "const Variables of = [&](int rank) {\n  return one(rank);\n};",
            "for (auto& batch : loader) {\n  train(batch);\n}",
            "if (!file.ok()) return fail(file.status());",
            "{\n  Scope scope(model);\n}",
        ]:
            with self.subTest(code=code):
                self.assertEqual([place for place, _ in self.split(code)], ["inside"])


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        if argument == "--with_cuda":
            with_cuda = True
        else:
            for line in pathlib.Path(argument).read_text().splitlines():
                kind, path = line.split()
                (public if kind == "public" else private).add(path)
    sys.exit(unittest.main(argv=sys.argv[:1]))
