"""The connection pool: every query has a deadline, and every way of not getting an answer is one error.

Against `DATABASE_URL`, or the embedded database where that is empty. On entering, the schema is brought up to date.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import asyncpg

from voice_agent.settings import StorageSettings
from voice_agent.storage import embedded
from voice_agent.storage.errors import DatabaseUnavailable, StorageError
from voice_agent.storage.migrate import Migration, load_migrations, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[asyncpg.Record]

logger = logging.getLogger(__name__)

_RETRY_S = 0.2

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,  # a connection cut in the middle of an answer
    asyncpg.InvalidCatalogNameError,  # the database is not created yet
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, statement timeout
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.TransactionRollbackError,  # serialization, deadlock
    asyncpg.ReadOnlySQLTransactionError,  # connected to a standby in the middle of a failover
    asyncpg.PostgresSystemError,  # input/output errors
)


class Database:
    """An async context. Inside it, `connection()` gives a connection, reconnecting as often as needed."""

    def __init__(self, settings: StorageSettings, *, migrations: Sequence[Migration] | None = None) -> None:
        """`migrations` replaces the program's own."""
        self._settings = settings
        self._migrations = load_migrations() if migrations is None else migrations
        self._stack = AsyncExitStack()
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self.embedded: embedded.EmbeddedPostgres | None = None
        """The embedded database, while it is in use."""
        self.applied: Sequence[int] = ()
        """Numbers of the migrations that entering applied."""

    async def __aenter__(self) -> Self:
        """Raises StorageError: it cannot be started, is not there in time, or its schema is newer than the program."""
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _open(self) -> None:
        url = self._settings.database_url.get_secret_value()
        if not url:
            self.embedded = await self._stack.enter_async_context(embedded.EmbeddedPostgres(self._settings))
        self._pool = self._create_pool(url)
        self._stack.push_async_callback(self._close_pool, self._pool)
        await self._pool
        await self._first_contact()

    def _create_pool(self, url: str) -> asyncpg.Pool[asyncpg.Record]:
        return asyncpg.create_pool(min_size=0, max_size=self._settings.database_pool, **self._address(url))

    def _address(self, url: str) -> dict[str, Any]:
        """Where the database is and which deadlines hold there, as asyncpg takes it."""
        seconds = self._settings.database_timeout_s
        host, user, name = None, None, None
        if self.embedded is not None:
            host, user, name = self.embedded.host, embedded.USER, embedded.DATABASE
        return {
            "dsn": url or None,
            "host": host,
            "port": embedded.PORT if self.embedded is not None else None,
            "user": user,
            "database": name,
            "ssl": False if self.embedded is not None else None,
            "timeout": seconds,
            "command_timeout": seconds,
            "server_settings": {
                "application_name": "voice-agent",
                "statement_timeout": str(int(seconds * 1000)),
                "idle_in_transaction_session_timeout": str(int(seconds * 2000)),
            },
        }

    async def _first_contact(self) -> None:
        """Waits for a database that starts at the same time as we do, and migrates it."""
        try:
            async with asyncio.timeout(self._settings.database_start_timeout_s):
                while not await self._answers():  # noqa: ASYNC110 - nothing in this process would set an event
                    await asyncio.sleep(_RETRY_S)
        except asyncpg.ClientConfigurationError:
            raise StorageError("DATABASE_URL is not a Postgres URL.") from None
        except TimeoutError:
            raise StorageError("The database does not answer, or refuses us: check DATABASE_URL.") from None
        try:
            async with self.connection() as connection:
                self.applied = await migrate(connection, self._migrations, timeout_s=self._settings.migration_timeout_s)
        except DatabaseUnavailable as error:
            raise StorageError("The database went away, or was busy for too long, while it was migrated.") from error
        except asyncpg.PostgresError as error:
            raise StorageError(f"The database refused a migration: {error}.") from error

    async def _answers(self) -> bool:
        try:
            async with self.connection() as connection:
                await connection.execute("SELECT 1")
        except DatabaseUnavailable:
            return False
        return True

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of the pool, for as long as the context lasts.

        Raises DatabaseUnavailable, also for what happens inside the context. Errors that a repetition would not cure
        (a violated constraint) come through as asyncpg's own.
        """
        if self._pool is None:
            raise DatabaseUnavailable("the database is not open")
        with _away_is_unavailable():
            async with self._pool.acquire(timeout=self._settings.database_timeout_s) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """As `connection`, with a transaction around it."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def own_connection(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """A connection outside the pool, for what listens as long as it lives. Raises as `connection`."""
        with _away_is_unavailable():
            connection = await asyncpg.connect(**self._address(self._settings.database_url.get_secret_value()))
            try:
                yield connection
            finally:
                try:
                    await connection.close(timeout=self._settings.database_timeout_s)
                except (TimeoutError, asyncpg.InterfaceError, *_AWAY):
                    connection.terminate()

    async def _close_pool(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        try:
            async with asyncio.timeout(self._settings.database_timeout_s):
                await pool.close()
        except (TimeoutError, *_AWAY):
            pool.terminate()
        self._pool = None


@contextmanager
def _away_is_unavailable() -> Iterator[None]:
    try:
        yield
    except DatabaseUnavailable:
        raise
    except _AWAY as error:
        raise DatabaseUnavailable(f"the database is away ({type(error).__name__})") from error
    except asyncpg.InterfaceError as error:
        # asyncpg's own word for "the connection or the pool has just gone", but also for wrong arguments.
        if isinstance(error, asyncpg.DataError | asyncpg.ClientConfigurationError):
            raise
        raise DatabaseUnavailable("the connection to the database is gone") from error
