"""The contract store over SQLAlchemy: SQLite embedded, PostgreSQL by setting."""

import re
import threading
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import structlog
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    RowMapping,
    StaticPool,
    create_engine,
    delete,
    event,
    func,
    insert,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from contract_agent.dialects import Dialect, PostgresDialect, SqliteDialect
from contract_agent.documents import Clause, Document, Limits
from contract_agent.identity import parties_of, title_of
from contract_agent.schema import clauses, contracts, metadata
from contract_agent.splitting import split
from contract_agent.store import Contract, Passage
from contract_agent.vocabulary import stems as stems_of
from crossdock.errors import ConfigError, Rejected, TryLater

log = structlog.get_logger(__name__)

WAIT_SECONDS = 5.0
CONNECTION = {"connect_timeout": 5, "keepalives_idle": 30, "tcp_user_timeout": 10_000}
"""libpq's: seconds and, for what was sent and is not acknowledged, milliseconds. Without them a host that vanishes
holds threads for minutes."""
READ_ONLY = "25006"
"""SQLSTATE of a write to a server that is a standby."""

DIALECTS: dict[str, type[Dialect]] = {"sqlite": SqliteDialect, "postgresql": PostgresDialect}
SAFE_STEM = re.compile(r"[^\W_]+(?:\.\d+)?")


class DatabaseContractStore:
    """`url` is SQLAlchemy's: `sqlite://` (in memory), `sqlite:///path`, `postgresql+psycopg://user@host/database`.

    Raises `ConfigError` for another database and `TryLater` from every method while the database cannot be reached.
    """

    def __init__(self, url: str, *, password: str | None = None, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._engine = _engine(url, password)
        self._dialect = DIALECTS[self._engine.dialect.name]()
        # One connection serves all threads where the database lives in memory.
        in_memory = isinstance(self._engine.pool, StaticPool)
        self._lock: AbstractContextManager[Any] = threading.Lock() if in_memory else nullcontext()

    @property
    def shared(self) -> bool:
        """Whether replicas on other machines see the same contracts."""
        return self._engine.dialect.name != "sqlite"

    def create_tables(self) -> None:
        """Makes what is missing; two processes may do so at once."""
        with self._begin() as connection:
            if self._engine.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(7_305_801)))
            metadata.create_all(connection)
            self._dialect.create(connection)

    def close(self) -> None:
        self._engine.dispose()

    def add(self, customer: str, name: str, document: Document) -> Contract:
        found = split(document.text)
        if len(found) > self._limits.clauses:
            raise Rejected(f"{name} has {len(found):,} clauses; the limit is {self._limits.clauses:,}: split it.")
        rows = [_clause_row(customer, document.text, clause) for clause in found]
        with self._begin() as connection:
            self._dialect.reserve(connection, customer)
            old = self._old(connection, customer, name)
            if old is None:
                self._check_room(connection, customer)
            else:
                self._remove(connection, old["id"])
            contract: dict[str, Any] = {
                "id": uuid.uuid4().hex,
                "customer": customer,
                "name": name,
                "title": title_of(document),
                "parties": list(parties_of(document)),
                "version": old["version"] + 1 if old else 1,
                "clauses": len(found),
                "warnings": list(document.warnings),
            }
            connection.execute(insert(contracts), [{**contract, "text": document.text}])
            if rows:
                connection.execute(insert(clauses), [{**row, "contract_id": contract["id"]} for row in rows])
            self._dialect.added(connection, contract["id"])
            return _contract(contract)

    def contracts(self, customer: str) -> list[Contract]:
        query = select(*CONTRACT_COLUMNS).where(contracts.c.customer == customer).order_by(contracts.c.name)
        with self._begin() as connection:
            return [_contract(row) for row in connection.execute(query).mappings()]

    def text(self, customer: str, contract_id: str) -> str | None:
        query = select(contracts.c.text).where(contracts.c.customer == customer, contracts.c.id == contract_id)
        with self._begin() as connection:
            text: str | None = connection.execute(query).scalar_one_or_none()
            return text

    def search(
        self, customer: str, stems: Sequence[str], *, limit: int, within: Collection[str] | None = None
    ) -> list[Passage]:
        safe = [stem for stem in dict.fromkeys(stems) if SAFE_STEM.fullmatch(stem)]
        if not safe:
            return []
        hits = self._dialect.matching(safe).subquery()
        words = func.substr(contracts.c.text, clauses.c.start + 1, clauses.c.end - clauses.c.start).label("text")
        query = (
            select(clauses, words)
            .join(hits, hits.c.clause == clauses.c.id)
            .join(contracts, contracts.c.id == clauses.c.contract_id)
            .where(clauses.c.customer == customer)
            .order_by(hits.c.fit.desc(), clauses.c.id)
            .limit(limit)
        )
        if within is not None:
            query = query.where(clauses.c.contract_id.in_(within))
        known = {contract.id: contract for contract in self.contracts(customer)}
        with self._begin() as connection:
            rows = connection.execute(query).mappings().all()
        return [_passage(known[row["contract_id"]], row) for row in rows if row["contract_id"] in known]

    def spread(self, customer: str, stems: Sequence[str]) -> dict[str, dict[str, int]]:
        spread: dict[str, dict[str, int]] = {}
        with self._begin() as connection:
            for stem in dict.fromkeys(stems):
                spread[stem] = self._counts(connection, customer, stem) if SAFE_STEM.fullmatch(stem) else {}
        return spread

    def _counts(self, connection: Connection, customer: str, stem: str) -> dict[str, int]:
        hits = self._dialect.matching([stem]).subquery()
        query = (
            select(clauses.c.contract_id, func.count())
            .join(hits, hits.c.clause == clauses.c.id)
            .where(clauses.c.customer == customer)
            .group_by(clauses.c.contract_id)
        )
        return {row[0]: row[1] for row in connection.execute(query)}

    def _old(self, connection: Connection, customer: str, name: str) -> RowMapping | None:
        query = select(contracts.c.id, contracts.c.version)
        mine = query.where(contracts.c.customer == customer, contracts.c.name == name)
        return connection.execute(mine).mappings().one_or_none()

    def _check_room(self, connection: Connection, customer: str) -> None:
        query = select(func.count()).select_from(contracts).where(contracts.c.customer == customer)
        if connection.execute(query).scalar_one() >= self._limits.contracts:
            raise Rejected(f"There are {self._limits.contracts:,} contracts already: replace one by using its name.")

    def _remove(self, connection: Connection, contract_id: str) -> None:
        self._dialect.removing(connection, contract_id)
        connection.execute(delete(clauses).where(clauses.c.contract_id == contract_id))
        connection.execute(delete(contracts).where(contracts.c.id == contract_id))

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        """A transaction that is rolled back by any error."""
        try:
            with self._lock, self._engine.begin() as connection:
                yield connection
        except (DBAPIError, PoolTimeout) as error:
            if not _passing(error):
                raise
            log.warning("database_unavailable", problem=str(getattr(error, "orig", error)))
            raise TryLater("The store of contracts cannot be reached. Try again in a minute.", 30.0) from error


CONTRACT_COLUMNS = [column for column in contracts.c if column.name != "text"]


def _engine(url: str, password: str | None) -> Engine:
    try:
        parsed = make_url(url)
        if password is not None:
            parsed = parsed.set(password=password)
        engine = create_engine(parsed, **_options(parsed))
    except (ArgumentError, ImportError) as error:
        raise ConfigError("The contract store's URL is not one that SQLAlchemy knows.") from error
    if engine.dialect.name not in DIALECTS:
        raise ConfigError(f"Contracts can be stored in SQLite or PostgreSQL, not in {engine.dialect.name}.")
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        return {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    # A connection that the server has closed meanwhile is seen before it is used.
    options: dict[str, Any] = {"pool_pre_ping": True}
    if url.get_backend_name() == "postgresql":
        options |= {"pool_timeout": WAIT_SECONDS, "connect_args": CONNECTION}
    return options


def _passing(error: DBAPIError | PoolTimeout) -> bool:
    """Whether the same may work later: the database is away, starts, stops, or is a standby for the moment."""
    if isinstance(error, PoolTimeout | OperationalError | InterfaceError):
        return True
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) == READ_ONLY


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA busy_timeout = 10000")
    connection.execute("PRAGMA foreign_keys = ON")


def _clause_row(customer: str, text: str, clause: Clause) -> dict[str, Any]:
    words = " ".join(stems_of(f"{clause.context} {clause.label} {text[clause.start : clause.end]}"))
    return {
        "customer": customer,
        "number": clause.number,
        "heading": clause.heading,
        "context": clause.context,
        "start": clause.start,
        "end": clause.end,
        "stems": words,
    }


def _contract(row: Any) -> Contract:
    return Contract(
        id=row["id"],
        name=row["name"],
        title=row["title"],
        parties=tuple(row["parties"]),
        version=row["version"],
        clauses=row["clauses"],
        warnings=tuple(row["warnings"]),
    )


def _passage(contract: Contract, row: RowMapping) -> Passage:
    clause = Clause(row["number"], row["heading"], row["start"], row["end"], row["context"])
    return Passage(contract, clause, row["text"])
