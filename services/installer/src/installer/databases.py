"""PostgreSQL, where agents keep data of customers: in tables with a column `customer`, each agent as its own user."""

from dataclasses import dataclass

from psycopg import AsyncConnection, OperationalError, sql

from crossdock.tasks.redis_connection import parsed_nodes
from installer.agents import AGENTS
from installer.customer import Customer
from installer.vault import Vault

SECONDS = 5
TABLES = """
SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE column_name = 'customer' AND table_type = 'BASE TABLE' AND table_schema = current_schema() ORDER BY table_name
"""
PASSING = OperationalError
"""Of a server that is away, starts or stops; and of a password that it does not take, which it tells alike."""


@dataclass(frozen=True)
class Databases:
    """`server` is host:port. Calls say what they changed; they raise what the driver raises."""

    server: str
    vault: Vault

    async def forget(self, customer: Customer) -> list[str]:
        names = [agent.database for agent in AGENTS if agent.database]
        return [line for name in names for line in await self._forget(name, customer)]

    async def _forget(self, database: str, customer: Customer) -> list[str]:
        """In one step. An agent that never ran has no tables yet."""
        connection = await self._connected(database)
        async with connection:
            found = await (await connection.execute(TABLES)).fetchall()
            rows = 0
            for (table,) in found:
                delete = sql.SQL("DELETE FROM {} WHERE customer = %s").format(sql.Identifier(table))
                rows += (await connection.execute(delete, (customer.name,))).rowcount
        return [f"{rows} rows of {customer.name} in {database} deleted"] if rows else []

    async def _connected(self, database: str) -> AsyncConnection:
        host, port = parsed_nodes(self.server)[0]
        return await AsyncConnection.connect(
            host=host,
            port=port,
            user=database,
            dbname=database,
            password=self.vault.read(f"postgres-{database}"),
            connect_timeout=SECONDS,
        )
