"""What SQLite and PostgreSQL do differently: full-text search over `clauses.stems` (FTS5, tsvector) and locks.

Stems are made by `contract_agent.vocabulary` in both directions, so that both databases find the same. A stem is
letters and digits, at most with a point inside, so that none can be read as an operator of a query language.
"""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, Float, Select, cast, column, func, literal_column, select, table, text
from sqlalchemy.dialects.postgresql import TSQUERY

from contract_agent.schema import clauses

LOCK_SEED = 7_305_801


class Dialect(Protocol):
    """`matching` gives rows (`clause`, its id, and `fit`, greater for a better match of any of the stems)."""

    def create(self, connection: Connection) -> None: ...

    def reserve(self, connection: Connection, customer: str) -> None:
        """Until the end of the transaction no other one that reserves this customer's contracts goes on."""
        ...

    def added(self, connection: Connection, contract_id: str) -> None: ...

    def removing(self, connection: Connection, contract_id: str) -> None: ...

    def matching(self, stems: Sequence[str]) -> Select[tuple[int, float]]: ...


class SqliteDialect:
    """A virtual table beside `clauses`, kept in the same transaction."""

    def create(self, connection: Connection) -> None:
        connection.execute(
            text(
                "CREATE VIRTUAL TABLE IF NOT EXISTS clause_words "
                "USING fts5(stems, tokenize = \"unicode61 tokenchars '.'\")"
            )
        )

    def reserve(self, connection: Connection, customer: str) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def added(self, connection: Connection, contract_id: str) -> None:
        connection.execute(
            text("INSERT INTO clause_words (rowid, stems) SELECT id, stems FROM clauses WHERE contract_id = :id"),
            {"id": contract_id},
        )

    def removing(self, connection: Connection, contract_id: str) -> None:
        connection.execute(
            text("DELETE FROM clause_words WHERE rowid IN (SELECT id FROM clauses WHERE contract_id = :id)"),
            {"id": contract_id},
        )

    def matching(self, stems: Sequence[str]) -> Select[tuple[int, float]]:
        words = table("clause_words", column("rowid"))
        query = " OR ".join(f'"{stem}"' for stem in stems)
        rank: ColumnElement[float] = literal_column("-bm25(clause_words)", Float)
        found = select(words.c.rowid.label("clause"), rank.label("fit"))
        return found.where(literal_column("clause_words").op("MATCH")(query))


class PostgresDialect:
    """An index on the expression; the `simple` configuration leaves the stems as they are."""

    def create(self, connection: Connection) -> None:
        connection.execute(
            text("CREATE INDEX IF NOT EXISTS clause_words ON clauses USING gin (to_tsvector('simple', stems))")
        )

    def reserve(self, connection: Connection, customer: str) -> None:
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(customer, LOCK_SEED))))

    def added(self, connection: Connection, contract_id: str) -> None:
        """The index follows the table."""

    def removing(self, connection: Connection, contract_id: str) -> None:
        """The index follows the table."""

    def matching(self, stems: Sequence[str]) -> Select[tuple[int, float]]:
        simple: ColumnElement[str] = literal_column("'simple'")
        vector = func.to_tsvector(simple, clauses.c.stems)
        query = cast(" | ".join(f"'{stem}'" for stem in stems), TSQUERY)
        fit = func.ts_rank(vector, query).label("fit")
        return select(clauses.c.id.label("clause"), fit).where(vector.op("@@")(query))
