"""What a request to the contract agent wants, by its text and files."""

import re

from contract_agent.reading import DOCX_TYPE, PDF_TYPE, TEXT_SUFFIXES, TEXT_TYPES
from crossdock.pipeline import FilePart, PipelineRequest, SkillChoice

ADD = re.compile(
    r"\b(?:add|store|save|upload|file|register|import|archive|keep|put)\b(?=.*\b(?:contract|agreement|document|annex|sla|"
    r"terms|this|it|attached|file)\b)|\b(?:hinterlegen?|speicher[en]|fügen?|archivieren?|aufnehmen|ablegen)\b|"
    r"\b(?:ajoute[rz]?|enregistre[rz]?|archive[rz]?)\b|\b(?:añad\w+|guarda\w*|agrega\w*|archiva\w*)\b",
    re.IGNORECASE,
)
FIND = re.compile(
    r"\bwhich (?:one )?(?:of (?:our|my|the|all) )?(?:\w+ )?(?:contracts?|agreements?|documents?)\b|"
    r"\bwhat (?:contracts|agreements)\b|"
    r"\b(?:find|list|show|search|look up)\b(?:(?!\b(?:which|what|how|whether|who|when|if|until)\b)[^?.]){0,40}"
    r"\b(?:contracts?|agreements?|clauses?|annex|annexes)\b|"
    r"\bdo we have\b[^?.]{0,40}\b(?:contract|agreement)s?\b|"
    r"\bwelche[mnr]?\s+(?:unserer |der |von unseren )?(?:verträge\w*|vertrag|vereinbarung\w*|klausel\w*)\b|\bfinde\b|"
    r"\bquels?\s+(?:sont (?:nos|les) )?(?:contrats?|accords?)\b|\btrouve[rz]?\b[^?.]{0,30}\b(?:contrats?|clauses?)\b|"
    r"\b(?:qué|cuál(?:es)?)\s+(?:son (?:los|nuestros) |de (?:los|nuestros) )?(?:contratos?|acuerdos?)\b|"
    r"\b(?:busca\w*|encuentra)\b[^?.]{0,30}\b(?:contratos?|cláusulas?)\b",
    re.IGNORECASE,
)
THIS_DOCUMENT = re.compile(
    r"\b(?:attached|enclosed|this (?:contract|agreement|document|file|annex|sla)|in the attachment)\b|"
    r"\b(?:anhang|beigefügt\w*|angehängt\w*|diese[mnrs]? (?:vertrag\w*|dokument))\b|"
    r"\b(?:ci-joint\w*|ce (?:contrat|document))\b|\b(?:adjunt[oa]\w*|este (?:contrato|documento))\b",
    re.IGNORECASE,
)
TASKS_OF_OTHERS = re.compile(
    r"\b(?:draft|escalat\w*|write|e-?mail|letter|anomal\w*|outliers?|validate|detect|complaint letter|remind\w*|send|"
    r"notify|inform|tell (?!me|us)|let \w+ know|schreib\w*|formulier\w*|entwirf|entwerf\w*|ausrei(?:ß|ss)er|"
    r"anomalie\w*|"
    r"prüf\w* (?:die |diese )?\w*daten|r[ée]dige\w*|[ée]cri(?:s|re|vez|ture)|lettre|redact\w*|escrib\w*|carta)\b",
    re.IGNORECASE,
)
ABOUT_TERMS = re.compile(
    r"\b(?:contract\w*|agreement\w*|clauses?|terms|sla|agreed|what|which|how|whether|until when|who|"
    r"vertr[aä]g\w*|vereinbar\w*|klausel\w*|welche\w*|was|wie|ob|contrats?|accords?|quel\w*|combien|"
    r"contratos?|acuerdos?|cu[aá]l\w*|cu[aá]nto\w*|qu[eé])\b",
    re.IGNORECASE,
)
OPENING = re.compile(
    r"\A(?=[^\n:]*\b(?:contract|agreement|annex|sla|terms|vertrag|vereinbarung|contrat|accord|contrato|acuerdo)\b)"
    r"[^\n:]{,150}[:\n]\s*",
    re.IGNORECASE,
)
"""What stands before a contract that comes as text: "Please add this contract:"."""
LEAST_WORDS = 5
POLITELY = r"(?:can|could|would) you|(?:kannst|können|könnten) (?:du|sie)|(?:pouvez|peux)-(?:vous|tu)|puedes|podría"
_KEPT = r"(?:contract|agreement|document|annex|clause|vertr[aä]g|vereinbarung|dokument|contrat|accord|acuerdo)\w*"
CHANGES = re.compile(
    rf"\A\W*(?:(?:please|pls|kindly|now|bitte|{POLITELY})\s+)*"
    r"(?:delete|remove|erase|purge|destroy|overwrite|edit|amend|rename|lösche[nt]?|entferne[nt]?|supprime[rz]?|efface[rz]?|"
    rf"elimin(?:a|e|ar)|borr(?:a|e|ar))(?:\s+(?!from\b|of\b)[\w'-]+){{0,3}}?\s+(?:{_KEPT}|everything\b|\S+\.(?:md|txt|pdf|docx)\b)|"
    rf"\A\W*bitte\b[^?.,]*\b{_KEPT}[^?.,]*\s(?:löschen|entfernen|ändern)\b",
    re.IGNORECASE,
)
ASKED_POLITELY = re.compile(rf"\A\W*(?:{POLITELY})\b", re.IGNORECASE)
PIECE = re.compile(r",\s*(?:and|und|et|y)?\s+|\s+(?:and|und|et|y)\s+", re.IGNORECASE)
STEP = re.compile(r"(?<=[.!?;])\s+|\n+|,?\s*\b(?:and then|then|afterwards)\b\s*", re.IGNORECASE)


def inferred_skill(request: PipelineRequest) -> SkillChoice:
    """A file without a question, or a pasted contract, is added; what asks for contracts finds them.

    Anything else is a question.
    """
    text = request.text.strip()
    has_document = any(is_document(file) for file in request.files)
    if has_document and not text:
        return SkillChoice("add_contract", "a document came without a question")
    if has_document and ADD.search(text) and not text.endswith("?"):
        return SkillChoice("add_contract", "a document came with the wish to keep it")
    if not has_document and ADD.search(text.partition("\n")[0]) and pasted_contract(text):
        return SkillChoice("add_contract", "the text tells to keep the contract that it holds")
    if FIND.search(text) and not has_document:
        return SkillChoice("find_contract", "the text asks which contract or clause it is")
    return SkillChoice("answer_question", "the text is a question")


def wants_change(text: str) -> bool:
    """Whether stored contracts are to be deleted or changed, which only who keeps them can do."""
    return bool(CHANGES.match(text)) and (not text.rstrip().endswith("?") or bool(ASKED_POLITELY.match(text)))


def pasted_contract(text: str) -> str:
    """The contract that came as the text of a message, less the words that tell to add it; empty if there is none."""
    opening = OPENING.match(text)
    told = opening is not None and ADD.search(opening.group())
    body = text[opening.end() :].strip() if opening and told else text.strip()
    only_told = body == text.strip() and "\n" not in body and ADD.search(body)
    return "" if only_told or body.endswith("?") or len(body.split()) < LEAST_WORDS else body


def is_document(file: FilePart) -> bool:
    """Whether a file can be a contract at all, rather than a table or a picture that came with the request."""
    suffix = file.name.rpartition(".")[2].lower()
    kind = file.media_type.partition(";")[0].strip().lower()
    return suffix in (*TEXT_SUFFIXES, "pdf", "docx", "doc", "odt", "rtf") or (
        kind in (*TEXT_TYPES, PDF_TYPE, DOCX_TYPE) and suffix not in ("csv", "tsv", "json", "jsonl", "xml")
    )


def questions_in(text: str) -> list[str]:
    """The sentences to answer: those with a question mark, else the text less what other agents are to do."""
    sentences = [sentence.strip() for sentence in STEP.split(text) if sentence and sentence.strip()]
    asked = [sentence for sentence in sentences if sentence.endswith("?")]
    if asked:
        return asked
    ours = [part for part in map(_our_part, sentences) if part]
    on_terms = [part for part in ours if ABOUT_TERMS.search(part)]
    return [" ".join(on_terms or ours)] if ours else [text]


def _our_part(sentence: str) -> str:
    """The sentence, or of one that also tells other agents what to do, the pieces that ask about terms."""
    if not TASKS_OF_OTHERS.search(sentence):
        return sentence
    pieces = [piece.strip(" ,.;") for piece in PIECE.split(sentence)]
    return ", ".join(piece for piece in pieces if ABOUT_TERMS.search(piece) and not TASKS_OF_OTHERS.search(piece))
