"""Comments of headers in a form that Doxygen takes for documentation.

The comment that opens a header becomes that of the file, one right above a declaration that of the declaration, and a
heading (`// ---- Training`) a group of members. Their text stays as it is (\\verbatim): api_pages.py knows how comments
are written here, and Doxygen would take parts of it for commands.
"""

import re

COMMENT = re.compile(r"( *)//(?!/) ?(.*)")
# Its title goes up to the first of these signs; what follows says more.
HEADING = re.compile(r"-{3,} *([^,;:.]*)[,;:.]?\s*(.*)", re.DOTALL)
# What a declaration has behind it, other than a hint to a tool.
TRAILING = re.compile(r"([^/\"]*[;,({]|[^/\"]*\w) {2,}// (?!NOLINT|IWYU|clang-format)(.*)")
# Below a comment: the end of a scope, and what has no documentation of its own.
NO_DECLARATION = re.compile(r"\s*([})#]|(public|private|protected):|namespace\b|$)")
LINE_OF_ACCESS = re.compile(r" *(public|private|protected):|[}]")


def documented(lines, command="", mark="!"):
    text = "\n".join(lines).replace("*/", "* /")
    return f"/*{mark} {command}\\verbatim\n{text}\n\\endverbatim */\n"


def for_doxygen(text):
    """A header."""
    result, block, is_opening, is_in_group = "", [], True, False
    for line in text.splitlines():
        comment = COMMENT.fullmatch(line)
        if comment:
            block.append(comment[2])
            continue
        if block:
            heading = HEADING.fullmatch("\n".join(block))
            if is_opening:
                result += documented(block, "\\file\n")
            elif heading:
                title, about = heading.groups()
                result += "///@}\n" * is_in_group + f"/// \\name {' '.join(title.split())}\n"
                result += documented([about[0].upper() + about[1:]]) if about else ""
                result += "///@{\n"
                is_in_group = True
            elif not NO_DECLARATION.match(line):
                result += documented(block)
            block = []
        if line.strip():
            is_opening = False
        if is_in_group and LINE_OF_ACCESS.match(line):
            result += "///@}\n"
            is_in_group = False
        trailing = TRAILING.fullmatch(line)
        result += trailing[1] + " " + documented([trailing[2]], mark="!<") if trailing else line + "\n"
    return result
