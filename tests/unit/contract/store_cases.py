"""What every contract store must do; run against SQLite and PostgreSQL."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from contract_agent.documents import Document
from contract_agent.store import ContractStore
from contract_agent.vocabulary import stems
from crossdock.errors import Rejected

Case = Callable[[ContractStore], None]

OLD = Document("terms.md", "1. Waiting. An hour costs EUR 60.\n2. Law. Dutch law applies.\n")
NEW = Document("terms.md", "1. Waiting. An hour costs EUR 75.\n", ("Page 2 is a picture.",))


def found(store: ContractStore, customer: str, words: str) -> list[str]:
    return [passage.text for passage in store.search(customer, stems(words), limit=10)]


def a_clause_is_found_with_its_place(store: ContractStore) -> None:
    contract = store.add("acme", "terms.md", OLD)
    (passage,) = store.search("acme", stems("waiting"), limit=10)
    assert passage.contract == contract
    assert (passage.clause.number, passage.clause.heading) == ("1", "Waiting")
    assert OLD.text[passage.clause.start : passage.clause.end] == passage.text == "1. Waiting. An hour costs EUR 60."


def characters_outside_the_basic_plane_keep_their_places(store: ContractStore) -> None:
    document = Document(
        "terms.md", "1. Träger 🚚 und Zölle. Gävle – Riga kostet 5 €.\n2. Wartezeit. Eine Stunde 🕐 ist frei.\n"
    )
    store.add("acme", "terms.md", document)
    (passage,) = store.search("acme", stems("Wartezeit"), limit=10)
    assert document.text[passage.clause.start : passage.clause.end] == passage.text


def the_same_name_replaces(store: ContractStore) -> None:
    store.add("acme", "terms.md", OLD)
    again = store.add("acme", "terms.md", NEW)
    assert (again.version, again.clauses, again.warnings) == (2, 1, NEW.warnings)
    assert store.contracts("acme") == [again]
    assert found(store, "acme", "waiting law") == ["1. Waiting. An hour costs EUR 75."]
    assert store.text("acme", again.id) == NEW.text


def customers_see_their_own_only(store: ContractStore) -> None:
    contract = store.add("acme", "terms.md", OLD)
    store.add("globex", "terms.md", NEW)
    assert found(store, "globex", "waiting law") == ["1. Waiting. An hour costs EUR 75."]
    assert store.text("globex", contract.id) is None
    assert [item.version for item in store.contracts("acme")] == [1]
    assert store.search("globex", stems("waiting"), limit=10, within=[contract.id]) == []
    assert contract.id not in store.spread("globex", stems("waiting"))["wait"]
    assert store.contracts("nobody") == []


def spread_counts_clauses(store: ContractStore) -> None:
    contract = store.add("acme", "terms.md", OLD)
    assert store.spread("acme", ["wait", "law", "absent"]) == {
        "wait": {contract.id: 1},
        "law": {contract.id: 1},
        "absent": {},
    }


def better_matches_come_first_and_the_limit_holds(store: ContractStore) -> None:
    store.add("acme", "terms.md", OLD)
    store.add("acme", "other.md", Document("other.md", "1. Waiting for the law of waiting hours.\n"))
    passages = store.search("acme", stems("waiting law hour"), limit=1)
    assert [passage.contract.name for passage in passages] == ["other.md"]


def syntax_of_query_languages_means_nothing(store: ContractStore) -> None:
    store.add("acme", "terms.md", OLD)
    for stem in ("NEAR(", '"', "*", "wait*", "a' | 'b", "--", "' OR 1=1", "wait & law", "\\", "\0", "stems : wait", ""):
        assert store.search("acme", [stem], limit=10) == []
        assert store.spread("acme", [stem]) == {stem: {}}


def a_document_without_clauses_is_kept(store: ContractStore) -> None:
    assert store.add("acme", "odd.md", Document("odd.md", "***")).clauses == 0


def adding_one_name_at_once_leaves_one_contract(store: ContractStore) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: store.add("acme", "terms.md", OLD), range(8)))
    (contract,) = store.contracts("acme")
    assert contract.version == 8
    assert len(found(store, "acme", "waiting law")) == 2


def too_many_contracts_are_rejected(store: ContractStore) -> None:
    """The suite's stores are made with room for 5 contracts of 3 clauses."""
    for number in range(5):
        store.add("acme", f"{number}.md", OLD)
    with pytest.raises(Rejected, match="5 contracts already"):
        store.add("acme", "6.md", OLD)
    assert store.add("acme", "4.md", NEW).version == 2


def a_rejected_version_leaves_the_old_one(store: ContractStore) -> None:
    store.add("acme", "terms.md", OLD)
    with pytest.raises(Rejected, match="clauses"):
        store.add("acme", "terms.md", Document("terms.md", "\n".join(f"{n}. Item {n} is sold." for n in range(1, 9))))
    assert len(found(store, "acme", "waiting law")) == 2


CASES: tuple[Case, ...] = (
    a_clause_is_found_with_its_place,
    characters_outside_the_basic_plane_keep_their_places,
    the_same_name_replaces,
    customers_see_their_own_only,
    spread_counts_clauses,
    better_matches_come_first_and_the_limit_holds,
    syntax_of_query_languages_means_nothing,
    a_document_without_clauses_is_kept,
    adding_one_name_at_once_leaves_one_contract,
    too_many_contracts_are_rejected,
    a_rejected_version_leaves_the_old_one,
)
