#!/usr/bin/env python3
"""markdown_examples.py SOURCE GIVEN DOCUMENT: writes a source that compiles the C++ of a document.

Each block between ```cpp and ``` is a function's body in a namespace of its own; classes, templates and functions stand
before it. Names that it uses and does not declare are declared in GIVEN. Errors of the compiler have the place in the
document.
"""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path[:0] = ["testing/docs", "testing/examples"]
import extract  # noqa: E402
import markdown_blocks  # noqa: E402


def compiled(document):
    includes, body = "", ""
    for place, block in enumerate(markdown_blocks.blocks(document.read_text(), "cpp")):
        lines = [extract.Line(number, line) for number, line in enumerate(block.text.splitlines(), block.line + 1)]
        includes += extract.placed([line for line in lines if line.text.startswith("#include")], document)
        statements = list(extract.statements([line for line in lines if not line.text.startswith("#include")]))
        body += f"namespace example_{place} {{\n"
        body += "".join(extract.placed(s, document) for s in statements if extract.stands_outside(s))
        body += "void example() {\n"
        body += "".join(extract.placed(s, document) for s in statements if not extract.stands_outside(s))
        body += "}\n}\n"
    return includes + body


def main(output, given, document):
    body = compiled(pathlib.Path(document))
    if not body:
        sys.exit(f"{document} has no block of C++")
    pathlib.Path(output).write_text(f'#include "{given}"\n{body}')


if __name__ == "__main__":
    main(*sys.argv[1:])
