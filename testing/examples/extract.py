#!/usr/bin/env python3
"""extract.py SOURCE [given/*.h]... [HEADER]...: writes a source that compiles the examples of the headers.

An example is what the comment that opens a header indents by three spaces or more:

    //   Lane lane(memory, peers);
    //   lane.start(collective);

All such lines of a header are one function's body, in the namespace of the header; classes, templates, functions,
tests and ACCELERATE_MAIN stand before it. What the comment of a member indents is a function's body as well. A line
that begins with `$` is one for a shell. There is no `...` for what is left out: a comment says it.

Names that an example uses and does not declare are declared in given/FOLDER.h, for launcher/plan in
given/launcher_plan.h, and for all of launcher in given/launcher.h. Its lines are pasted before each example of the
folder; those behind `// ---- cpu_set.h` only before that of cpu_set.h. Errors of the compiler have the place in the header.
"""

import dataclasses
import pathlib
import re
import sys

INDENT = "   "
LONGEST_LINE = 100
STATEMENT = re.compile(r"(if|for|while|do|switch|try|return|auto|const auto|static_assert)\b")
TYPE_OR_TEMPLATE = re.compile(r"(template|class|struct|enum|namespace|using|__global__)\b")
FUNCTION = re.compile(r"((?:[\w:<>,*&]+ )+[\w:]+|(\w+)::~?\2)\(.*\{$", re.DOTALL)
MACRO = re.compile(r"(TEST\w*|TYPED_TEST\w*|ACCELERATE_MAIN)\(")
SECTION = re.compile(r"// -+ (\w+\.h)$")
NAMESPACE = re.compile(r"^namespace (accelerate[\w:]*) \{$(.*?)^\}", re.MULTILINE | re.DOTALL)


@dataclasses.dataclass
class Line:
    number: int
    text: str


def opening_comment(text):
    lines = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.startswith("//"):
            break
        lines.append(Line(number, line[2:]))
    return lines


def example(text):
    """The lines of a header's example, as code."""
    lines = []
    for line in opening_comment(text):
        if line.text.startswith(INDENT) and not line.text.lstrip().startswith("$ "):
            lines.append(Line(line.number, line.text[len(INDENT):]))
    return lines


def member_examples(text):
    """What the comments of members indent, as code: a list of lines for each."""
    found, last = [], 0
    for number, line in enumerate(text.split("\n"), start=1):
        indented = re.match(r"\s+//   (.*)", line)
        if indented:
            if number != last + 1:
                found.append([])
            found[-1].append(Line(number, indented.group(1)))
            last = number
    return found


def code(line):
    """A line without its strings and its comment, to count brackets in."""
    line = re.sub(r'R"\((.*?)\)"', '""', line)
    line = re.sub(r'"(\\.|[^"\\])*"', '""', line)
    line = re.sub(r"'(\\.|[^'\\])'", "' '", line)
    return re.sub(r"//.*|/\*.*?\*/", "", line).rstrip()


def statements(lines):
    """Splits an example where it is outside of all brackets at the end of a line that can be one of a statement."""
    depth, current = 0, []
    for line in lines:
        current.append(line)
        bare = code(line.text)
        depth += sum(bare.count(c) for c in "([{") - sum(bare.count(c) for c in ")]}")
        is_macro = MACRO.match(code(current[0].text)) and bare.endswith(")")
        if depth == 0 and (bare.endswith((";", "}")) or bare.startswith("#") or is_macro):
            yield current
            current = []
    if current:
        yield current


def before_body(text):
    """Up to the first brace that is in no parentheses; nothing where there is none."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "{" and depth == 0:
            return text[: place + 1]
    return ""


def stands_outside(statement):
    """Whether it cannot be in a function."""
    text = "\n".join(bare for line in statement if (bare := code(line.text)))
    if MACRO.match(text) or TYPE_OR_TEMPLATE.match(text):
        return True
    head = before_body(text)
    return not STATEMENT.match(text) and bool(FUNCTION.match(head)) and "=" not in re.sub(r"\(.*\)", "", head, flags=re.DOTALL)


def given_for(header, given):
    """What is declared for a header: includes, and lines with the file that they are in."""
    name, includes, lines = header.name, [], []
    folders = {str(folder).replace("/", "_") for folder in header.parents}
    for path in given:
        if path.stem not in folders:
            continue
        section = name
        for number, text in enumerate(path.read_text().split("\n"), start=1):
            begun = SECTION.match(text)
            section = begun.group(1) if begun else section
            if text.startswith("#include"):
                includes.append(text)
            elif section == name and not begun:
                lines.append((path, Line(number, text)))
    return includes, lines


def placed(lines, path):
    return "".join(f'#line {line.number} "{path}"\n{line.text}\n' for line in lines)


def compiled(header, given):
    """The includes and the code for one header's example."""
    text = header.read_text()
    lines = example(text)
    for line in lines:
        if len(line.text) + len("//" + INDENT) > LONGEST_LINE:
            sys.exit(f"{header}:{line.number}: more than {LONGEST_LINE} columns, which the formatter leaves as they are")
    all_statements = list(statements(lines))
    own_includes = [s[0].text for s in all_statements if s[0].text.startswith("#include")]
    all_statements = [s for s in all_statements if not s[0].text.startswith("#include")]
    includes, declarations = given_for(header, given)
    # The longest, as others hold declarations of what is defined elsewhere.
    namespace, _ = max(NAMESPACE.findall(text), key=lambda found: len(found[1]), default=("", ""))
    space = re.sub(r"\W", "_", str(header))
    body = f"namespace example_in_{space} {{\n"
    body += "".join(placed([line], path) for path, line in declarations)
    body += "".join(placed(s, header) for s in all_statements if stands_outside(s))
    body += "Anything example() {\n"
    body += "".join(placed(s, header) for s in all_statements if not stands_outside(s))
    body += "return Anything();\n}\n"
    for place, lines in enumerate(member_examples(text)):
        body += f"Anything member_example_{place}() {{\n{placed(lines, header)}return Anything();\n}}\n"
    body += "}\n"
    if namespace:
        body = f"namespace {namespace} {{\n{body}}}\n"
    return [f'#include "{header}"', *includes, *own_includes], body


PROLOGUE = """
// Whatever an example returns, and to whomever.
struct Anything {
  Anything() = default;
  template <class T>
  Anything(T&&) {}
};
"""


def main(output, *paths):
    paths = [pathlib.Path(path) for path in paths]
    given = [path for path in paths if path.parts[:3] == ("testing", "examples", "given")]
    includes, bodies = {}, []
    for header in paths:
        text = header.read_text()
        if header in given or not (example(text) or member_examples(text)):
            continue
        its_includes, body = compiled(header, given)
        includes.update(dict.fromkeys(its_includes))
        bodies.append(body)
    pathlib.Path(output).write_text("\n".join(includes) + "\n" + PROLOGUE + "\n".join(bodies))


if __name__ == "__main__":
    main(*sys.argv[1:])
