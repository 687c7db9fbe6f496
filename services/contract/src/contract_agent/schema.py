"""The tables, as SQLAlchemy Core sees them. The full-text index over `clauses.stems` is each database's own."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

metadata = MetaData()

contracts = Table(
    "contracts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("customer", String(200), nullable=False),
    Column("name", String(200), nullable=False),
    Column("title", String(400), nullable=False),
    Column("parties", JSON, nullable=False),
    Column("version", Integer, nullable=False),
    Column("clauses", Integer, nullable=False),
    Column("warnings", JSON, nullable=False),
    Column("text", Text, nullable=False),
    UniqueConstraint("customer", "name", name="one_contract_of_a_name"),
)

clauses = Table(
    "clauses",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("contract_id", String(32), ForeignKey("contracts.id", ondelete="CASCADE"), nullable=False),
    Column("customer", String(200), nullable=False),
    Column("number", String(400), nullable=False),
    Column("heading", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("stems", Text, nullable=False),
    Index("clauses_by_contract", "contract_id"),
    Index("clauses_by_customer", "customer"),
)
