"""What a contract is called and who made it, as far as its first lines say."""

import re

from contract_agent.documents import Document
from contract_agent.markers import is_title

OPENING = 2_500
"""Characters at the beginning in which title and parties are looked for."""
LONGEST_TITLE = 120
VOCABULARY = 50_000
"""Characters whose words can be parts of the file's name."""
MOST_PARTIES = 6

FORMS = (
    r"GmbH(?: & Co\. KG)?|AG|KG|SE|Ltd\.?|Limited|LLC|LLP|Inc\.?|Corp\.?|Corporation|Company|plc|PLC|B\.?V\.?|N\.?V\.?"
    r"|BVBA|S\.?A\.?S?|S\.p\.A\.|S\.r\.l\.|S\.L\.|SARL|AB|A/S|ApS|Oy|OÜ|Pty"
)
WORD = r"[A-ZÀ-Ý][\w&'’.-]*"
COMPANY = re.compile(rf"((?:{WORD}[ \t]+){{1,5}}(?:{FORMS}))(?=$|[^\w])")
QUOTED = re.compile(rf"[\"“”]({WORD}(?:[ \t]+{WORD}){{0,4}})[\"“”]")
BETWEEN = re.compile(r"\b(?:between|among|entre|zwischen)\b", re.IGNORECASE)
ROLE = re.compile(
    r"^(?:the\s+)?(?:agreement|contract|effective date|execution date|start date|parties|party|seller|buyer|supplier|"
    r"purchaser|carrier|customer|shipper|provider|client|haulier|forwarder|principal|broker|importer|products?)$",
    re.IGNORECASE,
)


def title_of(document: Document) -> str:
    """The first heading or title line; the words of the file's name where there is none."""
    for line in document.text[:OPENING].splitlines():
        plain = re.sub(r"\s+", " ", line.strip(" \t#*_="))
        if not plain:
            continue
        first = re.split(r"\s{3,}", line.strip(" \t#*_="))[0]
        if len(first) <= LONGEST_TITLE and not re.match(r"[(\d§]", first) and (is_title(first) or line.startswith("#")):
            return first.strip('"“” .')
        break
    return _spelled(document)


def _spelled(document: Document) -> str:
    """The file's name in words: "servicelevelagreement.md" is run together from words that the text has too."""
    name = re.sub(r"([a-z])([A-Z])", r"\1 \2", document.name.rpartition(".")[0] or document.name)
    known = {word.lower() for word in re.findall(r"[^\W\d_]{2,}", document.text[:VOCABULARY])} | {"and", "of", "for"}
    return " ".join(_segmented(word, known) for word in re.split(r"[\W_]+", name) if word)


def _segmented(word: str, known: set[str]) -> str:
    """`word` as the fewest known words, or as it is."""
    best: list[list[str] | None] = [[]]
    for end in range(1, len(word) + 1):
        options = [
            [*before, word[start:end]]
            for start, before in enumerate(best)
            if before is not None and word[start:end].lower() in known
        ]
        best.append(min(options, key=len) if options else None)
    return " ".join(best[-1] or [word])


def parties_of(document: Document) -> tuple[str, ...]:
    """Company names, and names in quotation marks behind "between", in the order of the text."""
    opening = re.sub(r"[*_#]", "", document.text[:OPENING])
    found = [(match.start(), match.group(1)) for match in COMPANY.finditer(opening)]
    between = BETWEEN.search(opening)
    if between:
        stretch = opening[between.end() : between.end() + 600].partition("\n\n")[0]
        found += [(between.end() + match.start(), match.group(1)) for match in QUOTED.finditer(stretch)]
    names = (" ".join(name.split()).strip(" .,") for _, name in sorted(found))
    return tuple(dict.fromkeys(name for name in names if not ROLE.match(name)))[:MOST_PARTIES]
