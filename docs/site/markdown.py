"""What the site and the tests of documents know of Markdown: links, headings and their anchors."""

import re

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
# One paragraph's code, of which a link is no part.
CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\[\]]*\])*\])\(([^)\s]+)((?:\s+\"[^\"]*\")?)\)")
HEADING = re.compile(r"(#{1,6}) +(.*?)(?: +#+)? *$")
ANCHOR_TAG = re.compile(r"<a\s+(?:name|id)=\"([^\"]+)\"")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def parts(text):
    """Pieces of whole lines, which together are the text; with each, whether it is code between fences."""
    piece, fence = "", ""
    for line in text.splitlines(keepends=True):
        found = FENCE.match(line)
        if found and not fence:
            if piece:
                yield piece, False
            piece, fence = line, found[1]
        elif found and found[1].startswith(fence) and not line.strip().strip(fence[0]):
            yield piece + line, True
            piece, fence = "", ""
        else:
            piece += line
    if piece:
        yield piece, bool(fence)


def with_links(text, change):
    """The text, with the target of each link to a place in the tree as `change` gives it back."""

    def in_prose(prose):
        kept = []

        def put_aside(match):
            kept.append(match[0])
            return f"\0{len(kept) - 1}\0"

        def changed(match):
            target = match[2] if ELSEWHERE.match(match[2]) else change(match[2])
            return f"{match[1]}({target}{match[3]})"

        prose = LINK.sub(changed, CODE.sub(put_aside, prose))
        return re.sub(r"\0(\d+)\0", lambda match: kept[int(match[1])], prose)

    return "".join(part if is_code else in_prose(part) for part, is_code in parts(text))


def links(text):
    """The targets of all links that name no other host."""
    found = []
    with_links(text, lambda target: found.append(target) or target)
    return found


def headings(text):
    """The text of each, and how deep it is."""
    for part, is_code in parts(text):
        if not is_code:
            yield from ((found[2], len(found[1])) for found in map(HEADING.match, part.splitlines()) if found)


def titles(text):
    return [heading for heading, depth in headings(text) if depth == 1]


def anchors(text):
    """Those that GitHub makes of a document's headings, and those that it has in HTML."""
    found = set(ANCHOR_TAG.findall(text))
    times = {}
    for heading, _ in headings(text):
        words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        before = times.get(anchor, 0)
        times[anchor] = before + 1
        found.add(f"{anchor}-{before}" if before else anchor)
    return found
