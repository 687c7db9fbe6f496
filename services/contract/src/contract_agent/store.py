"""Where contracts are kept: the port, and what it speaks of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from contract_agent.documents import Clause, Document


@dataclass(frozen=True, slots=True)
class Contract:
    """A stored document. `version` counts how often a document of this name was added."""

    id: str
    name: str
    title: str
    parties: tuple[str, ...]
    version: int
    clauses: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A clause with its words: `text` is the document's `text[clause.start:clause.end]`."""

    contract: Contract
    clause: Clause
    text: str


class ContractStore(Protocol):
    """Every method sees one customer's contracts only. The methods block for as long as the database does."""

    def add(self, customer: str, name: str, document: Document) -> Contract:
        """Stores a document, in place of one of the same name, as one step: a reader sees the old one or the new.

        Raises `Rejected` where the customer has no room for another contract, `TryLater` when the database is away.
        """
        ...

    def contracts(self, customer: str) -> list[Contract]:
        """All, by name."""
        ...

    def text(self, customer: str, contract_id: str) -> str | None:
        """The document's text; None where this customer has no such contract."""
        ...

    def search(
        self, customer: str, stems: Sequence[str], *, limit: int, within: Collection[str] | None = None
    ) -> list[Passage]:
        """The clauses with the best match of any of `stems`, best first; `within` names contract ids."""
        ...

    def spread(self, customer: str, stems: Sequence[str]) -> dict[str, dict[str, int]]:
        """For each stem the number of clauses that hold it, by contract id."""
        ...
