"""Pages of the reference, made of what Doxygen has read in the public headers (comments.py) as XML.

They describe declarations by Sphinx's own directives for C++, so that signatures refer to each other and are searched.
"""

import dataclasses
import itertools
import pathlib
import re
import xml.etree.ElementTree as ElementTree

import pages

# Kinds of declarations and the directives for them.
DIRECTIVES = {
    "class": "cpp:class", "struct": "cpp:struct", "concept": "cpp:concept", "enum": "cpp:enum-class",
    "enumvalue": "cpp:enumerator", "function": "cpp:function", "typedef": "cpp:type", "variable": "cpp:member",
    "define": "c:macro",
}
HIDDEN = re.compile(r"\b(decltype|internal)\b")
# What a program does not call by its name.
NOT_NAMED = re.compile(
    r"operator(=|\*|->|\+\+|==|!=)|~|(iterator_category|value_type|difference_type|pointer|reference)$"
)
FILE = re.compile(r"(?<![\w/.`])((?:[\w-]+/)*[\w-]+\.(?:h|md|bzl|cc))\b")
# A word of code in a sentence: a call, a qualified name, one with an underscore, or one in CamelCase.
NAME = re.compile(
    r"(?<![\w:`/.-])(?:(?:\w+::)*\w+\(\)|\w+(?:::\w+)+|[A-Za-z]+_\w+|[A-Z]\w*[a-z]\w*)(?!\w|`|::|/)"
)
ITEM = re.compile(r"\s*([-*]|\d+\.) ")


def text_of(element):
    return "" if element is None else "".join(element.itertext())


def words(element):
    return " ".join(text_of(element).split())


def documentation(element):
    found = element.find("detaileddescription")
    verbatim = [] if found is None else [text_of(each) for each in found.iter("verbatim")]
    return "\n\n".join(text.strip("\n") for text in verbatim)


def template(element):
    parameters = element.find("templateparamlist")
    if parameters is None:
        return ""
    shown = []
    for parameter in parameters.findall("param"):
        name, default = words(parameter.find("declname")), words(parameter.find("defval"))
        kind = words(parameter.find("type"))
        # Of a pack, Doxygen has the name in the type as well or not at all.
        shown.append(" ".join([kind] + ([name] if name and not kind.endswith(f" {name}") else [])) +
                     (f" = {default}" if default else ""))
    condition = words(element.find("requiresclause"))
    return f"template <{', '.join(shown)}> " + (f"requires {condition} " if condition else "")


def signature(member):
    name, kind = member.findtext("name"), member.get("kind")
    if kind == "enum":
        return name
    if kind == "define":
        return f"{name}({', '.join(words(each) for each in member.findall('param/defname'))})"
    kept = [word for word in ["static", "explicit"] if member.get(word) == "yes"]
    if kind == "typedef":
        target = words(member.find("type")).removeprefix("typedef ")
        # What takes the compiler to find out says nothing here.
        return template(member) + (name if HIDDEN.search(target) else f"{name} = {target}")
    if kind == "variable":
        value = " ".join(text_of(member.find("initializer")).split())
        value = "" if len(value) > 120 else value and (value if value.startswith("=") else f"= {value}")
        declared = f"{words(member.find('type'))} {name}{words(member.find('argsstring'))} {value}"
        return " ".join([template(member).strip(), *kept, declared]).strip()
    arguments = words(member.find("argsstring")).replace(" override", "").replace(" final", "")
    virtual = ["virtual"] if member.get("virt") in ["virtual", "pure-virtual"] else []
    arguments = re.sub(r"=0$", " = 0", arguments)
    returned = words(member.find("type"))
    return template(member) + " ".join([*virtual, *kept, *([returned] if returned else []), name + arguments])


def line_of(element):
    return int(element.find("location").get("line"))


def is_for_programs(element):
    """Whether a program names it."""
    if element.tag == "compounddef":
        return True
    return (
        element.get("prot") == "public" and element.get("kind") in DIRECTIVES and bool(element.findtext("name"))
        and not NOT_NAMED.match(element.findtext("name"))
        and not words(element.find("argsstring")).endswith(("=delete", "= delete"))
    )


def first_sentence(text):
    paragraph = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<=[.:]) (?=[A-Z])", paragraph)[0].rstrip(":")


@dataclasses.dataclass
class Heading:
    title: str
    body: str

    def text(self, depth):
        return f"```{{rubric}} {self.title}\n```\n\n{self.body}\n\n"


@dataclasses.dataclass
class Directive:
    kind: str
    name: str
    signatures: list
    body: str

    def text(self, depth):
        # Those of what is within are shorter.
        fence = ":" * (9 - depth)
        bodies = [""] * (len(self.signatures) - 1) + [f"\n{self.body.strip()}\n"]
        return "".join(f"{fence}{{{DIRECTIVES[self.kind]}}} {signature}\n{body}{fence}\n\n"
                       for signature, body in zip(self.signatures, bodies))


class Reference:
    """Writes the page of each header, and one that lists them."""

    def __init__(self, xml, site):
        self.site = site
        index = ElementTree.parse(xml / "index.xml").getroot()
        self.compounds = {
            entry.get("refid"): ElementTree.parse(xml / f"{entry.get('refid')}.xml").getroot().find("compounddef")
            for entry in index.findall("compound")
        }
        # What each header declares in the project's namespace, and the macros that it defines.
        self.declared, self.comments = {}, {}
        for compound in self.compounds.values():
            kind, name = compound.get("kind"), compound.findtext("compoundname")
            if kind == "file":
                self.comments[compound.find("location").get("file")] = documentation(compound)
                self.note(member for member in compound.iter("memberdef") if member.get("kind") == "define")
            elif kind == "namespace" and name == "accelerate":
                self.note(compound.iter("memberdef"))
            elif kind != "dir" and re.fullmatch(r"accelerate::\w+", name) and kind != "namespace":
                self.note([compound])
        self.names = {declared.findtext("name") or declared.findtext("compoundname").split("::")[-1]
                      for header in self.declared.values() for declared in header}
    def note(self, declared):
        for each in declared:
            self.declared.setdefault(each.find("location").get("file"), []).append(each)

    def link_to_file(self, header, page):
        """Finds the page of a file that a comment of this header names; for a page."""

        def found(name):
            own = pathlib.PurePosixPath(header).parent / name
            for path in [str(own), name, *[each for each in pages.headers() if each.endswith(f"/{name}")]]:
                if path in pages.headers() or (path.endswith(".md") and (pages.TREE / path).exists()):
                    return pages.link(pages.page_of(path), page)
            return None

        return found

    # ---- Comments

    def prose(self, text, link_to_file):
        """A comment as Markdown: paragraphs and lists as they are, examples by their indentation."""
        result, example = [], []

        def end_example():
            code = "\n".join(example).strip("\n").split("\n")
            for is_shell, lines in itertools.groupby(code, lambda line: line.startswith("$ ")):
                shown = "\n".join(lines).strip("\n")
                if shown:
                    result.extend(["", "```text" if is_shell else "```cpp", shown, "```", ""])
            example.clear()

        for line in text.split("\n"):
            is_list = ITEM.match(line) or (not example and result and ITEM.match(result[-1]))
            if line.startswith("  ") and not is_list:
                example.append(line[2:])
            elif example and not line:
                example.append(line)
            else:
                end_example()
                result.append(self.inline(line, link_to_file))
        end_example()
        return "\n".join(result).strip()

    def inline(self, line, link_to_file):
        """Names of code as such, and names of files as links to their pages, where they have any."""
        def of_file(match):
            target = link_to_file(match[1])
            return f"[`{match[1]}`]({target})" if target else f"`{match[1]}`"

        pieces = re.split(r"(`[^`]*`)", line)
        for place in range(0, len(pieces), 2):
            text, kept = pieces[place], []

            def keep(made):
                kept.append(made)
                return f"\0{len(kept) - 1}\0"

            text = FILE.sub(lambda match: keep(of_file(match)), text)
            text = NAME.sub(lambda match: keep(self.name(match[0])), text)
            pieces[place] = re.sub(r"\0(\d+)\0", lambda match: kept[int(match[1])], pages.escaped(text))
        return "".join(pieces)

    def name(self, word):
        """A word that may be a name of the library: then it is a link."""
        # By themselves only those that are no words of English, as State is.
        if word.split("::")[0] in self.names and re.search(r"::|[a-z][A-Z]", word):
            return f"{{cpp:any}}`{word} <accelerate::{word.removesuffix('()')}>`"
        return word if word.isalnum() else f"`{word}`"

    # ---- What a page consists of

    def compound_signature(self, compound):
        name = compound.findtext("compoundname").split("::")[-1]
        if compound.get("kind") == "concept":
            head = re.match(r"template ?<(.*?)> ?concept", words(compound.find("initializer")))
            return f"template <{head[1]}> {name}"
        return template(compound) + name

    def compound_body(self, compound, describe, depth):
        members = [(member, section) for section in compound.findall("sectiondef")
                   for member in section.findall("memberdef")]
        members += [(self.compounds[inner.get("refid")], None) for inner in compound.findall("innerclass")
                    if inner.get("prot") == "public" and inner.get("refid") in self.compounds]
        return f"{describe(documentation(compound))}\n\n{self.members(members, describe, depth)}"

    def members(self, members, describe, depth):
        """In the order of the header. What has no comment and the name of the one before it is another form of that."""
        directives, group = [], None
        for member, section in sorted(members, key=lambda each: line_of(each[0])):
            if not is_for_programs(member):
                continue
            kind, name, text = member.get("kind"), member.findtext("name"), documentation(member)
            if section is not None and section.get("kind") == "user-defined" and section is not group:
                group = section
                about = "\n\n".join(text_of(each).strip("\n") for each in section.findall("description//verbatim"))
                directives.append(Heading(words(section.find("header")), describe(about)))
            last = directives[-1] if directives else None
            if kind == "function" and not text and isinstance(last, Directive) and last.name == name:
                last.signatures.append(signature(member))
            elif member.tag == "compounddef":
                directives.append(Directive(kind, name, [self.compound_signature(member)],
                                            self.compound_body(member, describe, depth + 1)))
            else:
                values = "".join(
                    Directive("enumvalue", "", [f"{value.findtext('name')} {words(value.find('initializer'))}".strip()],
                              describe(documentation(value))).text(depth + 1)
                    for value in member.findall("enumvalue"))
                directives.append(Directive(kind, name, [signature(member)], f"{describe(text)}\n\n{values}"))
        return "".join(directive.text(depth) for directive in directives)

    def page(self, header):
        link_to_file = self.link_to_file(header, pages.page_of(header))

        def describe(text):
            return self.prose(text, link_to_file)

        members = self.members([(declared, None) for declared in self.declared.get(header, [])], describe, 0)
        return (
            f"# {pages.escaped(pathlib.PurePosixPath(header).name)}\n\n"
            f"```cpp\n#include \"{header}\"\n```\n\n{describe(self.comments.get(header, ''))}\n\n"
            f":::{{cpp:namespace}} accelerate\n:::\n\n{members}"
        )

    def table(self, headers):
        listed = "| header | what it is for |\n| --- | --- |\n"
        for header in headers:
            link_to_file = self.link_to_file(header, "api/index")
            about = self.inline(first_sentence(self.comments.get(header, "")), link_to_file).replace("|", "\\|")
            name = pages.escaped(pathlib.PurePosixPath(header).name)
            listed += f"| [{name}]({link_to_file(header)}) | {about} |\n"
        return listed

    def write(self):
        index = "# All headers\n\nOne page for each public header; `accelerate/accelerate.h` includes most of them.\n"
        for group, headers in pages.API.items():
            table = self.table(headers)
            index += f"\n## {group}\n\n{table}"
            for header in headers:
                self.site.write(pages.page_of(header), self.page(header))
            entries = [pathlib.PurePosixPath(pages.page_of(header)).name for header in headers]
            self.site.write(pages.group_page(group), f"# {group}\n\n{table}{pages.toctree(entries)}")
        self.site.write("api/index", index)
