#!/usr/bin/env python3
"""The documentation site: its navigation is whole, and its parts do what docs/site/build.py relies on.

Sphinx and Doxygen take no part; the build itself fails where they find fault.
"""

import pathlib
import re
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

TREE = pathlib.Path(".clang-format").resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(TREE / "docs/site"))
import api_pages  # noqa: E402
import built_pages  # noqa: E402
import comments  # noqa: E402
import pages  # noqa: E402


def includes(header, more=""):
    return re.findall(rf'^#include "(.*)"{more}', (TREE / header).read_text(), re.MULTILINE)


class Navigation(unittest.TestCase):
    def test_has_each_document_once(self):
        pages.refuse_other_documents()
        named = [path for paths in pages.NAVIGATION.values() for path in paths]
        self.assertEqual(len(named), len(set(named)))

    def test_refuses_a_document_that_nobody_would_find(self):
        with tempfile.TemporaryDirectory() as folder:
            tree = pathlib.Path(folder)
            for path in ["README.md", *(path for paths in pages.NAVIGATION.values() for path in paths)]:
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).touch()
            pages.refuse_other_documents(tree)
            (tree / "docs/new.md").touch()
            with self.assertRaisesRegex(pages.Refusal, "docs/new.md is not in the navigation; add it"):
                pages.refuse_other_documents(tree)
            (tree / "docs/new.md").unlink()
            (tree / "docs/data.md").unlink()
            with self.assertRaisesRegex(pages.Refusal, "docs/data.md is in the navigation and not there"):
                pages.refuse_other_documents(tree)

    def test_has_all_headers_that_programs_get(self):
        headers = set(pages.headers())
        exported = includes("accelerate/accelerate.h")
        exported += [path for header in exported for path in includes(header, " +// IWYU pragma: export")]
        self.assertLessEqual(set(exported), headers)
        self.assertGreater(len(exported), 20)

    def test_has_each_header_once_and_only_those_that_are_there(self):
        headers = pages.headers()
        self.assertEqual([header for header in headers if not (TREE / header).exists()], [])
        names = [pages.page_of(header) for header in headers]
        self.assertEqual(len(set(names)), len(names))


class Site(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.site = pages.Site(self.folder)

    def test_leads_to_a_page_wherever_a_link_leads(self):
        def target(link):
            return self.site.target("docs/data.md", pages.page_of("docs/data.md"), link)

        self.assertEqual(target("training.md#x"), "training.md#x")
        self.assertEqual(target("#x"), "#x")
        self.assertEqual(target("../README.md"), "index.md")
        self.assertEqual(target("benchmarks/cpu.md"), "benchmarks.md")
        self.assertEqual(target("benchmarks/cpu.html"), "page:benchmarks/cpu.html")
        self.assertEqual(target("../accelerate/data/data_loader.h"), "api/data_loader.md")
        self.assertEqual(target("../accelerate/defs.bzl"), "source/accelerate/defs.bzl.md")
        self.assertIn("```bazel\n", (self.folder / "source/accelerate/defs.bzl.md").read_text())
        self.assertEqual(target("../testing/downstream_workspace"), "source/testing/downstream_workspace/index.md")
        listed = (self.folder / "source/testing/downstream_workspace/index.md").read_text()
        self.assertIn("- [`MODULE.bazel`](MODULE.bazel.md)\n", listed)
        self.assertTrue((self.folder / "source/testing/downstream_workspace/MODULE.bazel.md").exists())
        with self.assertRaisesRegex(pages.Refusal, "docs/data.md links to nothing.md, which is not there"):
            target("nothing.md")

    def test_finds_fault_with_what_is_built(self):
        (self.folder / "a.html").write_text('<p id="here"><a href="b.html#there">b</a><a href="#here">a</a>')
        (self.folder / "b.html").write_text('<p id="there"><a href="https://example.com">elsewhere</a>')
        built_pages.check(self.folder)
        (self.folder / "a.html").write_text(
            '<a href="c.html">c</a><a href="b.html#nowhere">b</a><script src="https://example.com/x.js"></script>'
        )
        (self.folder / "s.css").write_text("@font-face { src: url(https://example.com/font); }")
        self.assertEqual(list(built_pages.faults(self.folder)), [
            "a.html links to b.html#nowhere, which has no such heading",
            "a.html links to c.html, which is not there",
            "a.html loads https://example.com/x.js, and would need a network",
            "s.css loads something from elsewhere",
        ])


HEADER = """// What it is for.
//
//   Thing thing;
#pragma once

// Of no use to others.
namespace accelerate {

// A thing: a */ b.
class Thing {
 public:
  // ---- Making it, once; by
  // all ranks

  // Makes one.
  Thing();  // NOLINT: so.
  int size;  // In bytes.

 private:
  // Of whatever.
  int other_;
};

}  // namespace accelerate
"""
PREPARED = r"""/*! \file
\verbatim
What it is for.

  Thing thing;
\endverbatim */
#pragma once

namespace accelerate {

/*! \verbatim
A thing: a * / b.
\endverbatim */
class Thing {
 public:
/// \name Making it
/*! \verbatim
Once; by
all ranks
\endverbatim */
///@{

/*! \verbatim
Makes one.
\endverbatim */
  Thing();  // NOLINT: so.
  int size; /*!< \verbatim
In bytes.
\endverbatim */

///@}
 private:
/*! \verbatim
Of whatever.
\endverbatim */
  int other_;
};

}  // namespace accelerate
"""
FUNCTION = """
<memberdef kind="function" prot="public" static="no" explicit="no" virt="non-virtual">
  <templateparamlist><param><type>class...</type><declname>Objects</declname><defname>Objects</defname></param>
  </templateparamlist><requiresclause>(sizeof...(Objects) &gt; 1)</requiresclause>
  <type>auto</type><name>prepare</name><argsstring>(Objects &amp;&amp;... objects) const override</argsstring>
  <detaileddescription><para><verbatim>
All at once.
</verbatim></para></detaileddescription>
</memberdef>"""


class Reference(unittest.TestCase):
    def setUp(self):
        self.reference = api_pages.Reference.__new__(api_pages.Reference)
        self.reference.names = {"DataLoader", "Accelerator"}

    def prose(self, text):
        return self.reference.prose(text, lambda name: "page.md" if name == "stream.h" else None)

    def test_has_comments_where_doxygen_reads_them(self):
        self.assertEqual(comments.for_doxygen(HEADER), PREPARED)

    def test_tells_code_from_words(self):
        self.assertEqual(
            self.prose("A DataLoader, Accelerator::report(), LibTorch, stream.h, other.h; save_all, f(), `x_*`, <b>."),
            "A {cpp:any}`DataLoader <accelerate::DataLoader>`, "
            "{cpp:any}`Accelerator::report() <accelerate::Accelerator::report>`, LibTorch, [`stream.h`](page.md), "
            "`other.h`; `save_all`, `f()`, `x_*`, \\<b\\>.",
        )

    def test_takes_what_is_indented_for_an_example(self):
        self.assertEqual(
            self.prose("First:\n  int i;\n\n    ++i;\n  $ run it\nThen:\n- one\n  and more\n- two"),
            "First:\n\n```cpp\nint i;\n\n  ++i;\n```\n\n\n```text\n$ run it\n```\n\nThen:\n- one\n  and more\n- two",
        )

    def test_writes_declarations_as_cpp_does(self):
        member = ElementTree.fromstring(FUNCTION)
        self.assertEqual(
            api_pages.signature(member),
            "template <class... Objects> requires (sizeof...(Objects) > 1) auto prepare(Objects &&... objects) const",
        )
        self.assertEqual(api_pages.documentation(member), "All at once.")
        self.assertTrue(api_pages.is_for_programs(member))
        member.set("prot", "private")
        self.assertFalse(api_pages.is_for_programs(member))


if __name__ == "__main__":
    sys.exit(unittest.main())
