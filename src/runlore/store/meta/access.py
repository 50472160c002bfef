"""Users, entities, API keys, sessions and one-time links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from runlore.errors import Conflict
from runlore.store.base import Account, KeyInfo, UserInfo
from runlore.store.meta import schema
from runlore.store.meta.connection import SqlRoom

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from runlore.store.base import Transaction


class SqlAccounts(SqlRoom):
    """The ``AccountStore`` in SQL."""

    def add_user(self, tx: Transaction, name: str, *, now_ns: int) -> int:
        """See ``AccountStore.add_user``."""
        connection = self._writing(tx)
        taken = or_(
            select(schema.user.c.id).where(schema.user.c.name == name).exists(),
            select(schema.entity.c.id).where(schema.entity.c.name == name).exists(),
        )
        if connection.scalar(select(taken)):
            raise Conflict(f"cannot add user {name!r}: the name is taken; choose another one (runlore user ls)")
        entity = _inserted(connection, schema.entity, name=name, created_ns=now_ns)
        user = _inserted(connection, schema.user, name=name, entity_id=entity, created_ns=now_ns)
        connection.execute(insert(schema.membership).values(user_id=user, entity_id=entity, role="owner"))
        return user

    def users(self) -> list[UserInfo]:
        """See ``AccountStore.users``."""
        keys = (
            select(func.count())
            .where(schema.api_key.c.user_id == schema.user.c.id, schema.api_key.c.revoked_ns.is_(None))
            .scalar_subquery()
        )
        columns = schema.user.c
        with self._reading() as connection:
            rows = connection.execute(
                select(columns.id, columns.name, columns.created_ns, keys).order_by(columns.name)
            ).all()
        return [UserInfo(*row) for row in rows]

    def account(self, name: str) -> Account | None:
        """See ``AccountStore.account``."""
        return self._account(schema.user.c.name == name)

    def add_key(self, tx: Transaction, user: int, digest: bytes, *, now_ns: int) -> int:
        """See ``AccountStore.add_key``."""
        return _inserted(self._writing(tx), schema.api_key, user_id=user, digest=digest, created_ns=now_ns)

    def keys(self) -> list[KeyInfo]:
        """See ``AccountStore.keys``."""
        columns = schema.api_key.c
        with self._reading() as connection:
            rows = connection.execute(
                select(columns.id, schema.user.c.name, columns.created_ns, columns.revoked_ns)
                .join(schema.user, schema.user.c.id == columns.user_id)
                .order_by(columns.id)
            ).all()
        return [KeyInfo(*row) for row in rows]

    def revoke_key(self, tx: Transaction, key: int, *, now_ns: int) -> bool:
        """See ``AccountStore.revoke_key``."""
        columns = schema.api_key.c
        result = self._writing(tx).execute(
            update(schema.api_key).where(columns.id == key).values(revoked_ns=func.coalesce(columns.revoked_ns, now_ns))
        )
        return result.rowcount > 0

    def account_of_key(self, digest: bytes) -> Account | None:
        """See ``AccountStore.account_of_key``."""
        columns = schema.api_key.c
        owner = select(columns.user_id).where(columns.digest == digest, columns.revoked_ns.is_(None))
        return self._account(schema.user.c.id == owner.scalar_subquery())

    def add_session(self, tx: Transaction, digest: bytes, user: int, *, expires_ns: int) -> None:
        """See ``AccountStore.add_session``."""
        self._writing(tx).execute(insert(schema.session).values(digest=digest, user_id=user, expires_ns=expires_ns))

    def account_of_session(self, digest: bytes, *, now_ns: int) -> Account | None:
        """See ``AccountStore.account_of_session``."""
        columns = schema.session.c
        owner = select(columns.user_id).where(and_(columns.digest == digest, columns.expires_ns > now_ns))
        return self._account(schema.user.c.id == owner.scalar_subquery())

    def delete_session(self, tx: Transaction, digest: bytes) -> None:
        """See ``AccountStore.delete_session``."""
        self._writing(tx).execute(delete(schema.session).where(schema.session.c.digest == digest))

    def add_link(self, tx: Transaction, digest: bytes, user: int, *, expires_ns: int) -> None:
        """See ``AccountStore.add_link``."""
        self._writing(tx).execute(insert(schema.link).values(digest=digest, user_id=user, expires_ns=expires_ns))

    def take_link(self, tx: Transaction, digest: bytes, *, now_ns: int) -> int | None:
        """See ``AccountStore.take_link``."""
        columns = schema.link.c
        row = (
            self._writing(tx)
            .execute(delete(schema.link).where(columns.digest == digest).returning(columns.user_id, columns.expires_ns))
            .first()
        )
        return int(row.user_id) if row is not None and row.expires_ns > now_ns else None

    def purge_expired(self, tx: Transaction, *, now_ns: int) -> None:
        """See ``AccountStore.purge_expired``."""
        for table in (schema.session, schema.link):
            self._writing(tx).execute(delete(table).where(table.c.expires_ns <= now_ns))

    def _account(self, condition: ColumnElement[bool]) -> Account | None:
        statement = (
            select(
                schema.user.c.id, schema.user.c.name, schema.user.c.entity_id, schema.entity.c.id, schema.entity.c.name
            )
            .join(schema.membership, schema.membership.c.user_id == schema.user.c.id)
            .join(schema.entity, schema.entity.c.id == schema.membership.c.entity_id)
            .where(condition)
            .order_by(schema.entity.c.id)
        )
        with self._reading() as connection:
            rows = connection.execute(statement).all()
        if not rows:
            return None
        user, name, default = rows[0][:3]
        entity = next(row[4] for row in rows if row[3] == default)
        return Account(user, name, entity, tuple(row[4] for row in rows))


def _inserted(connection: Connection, table: Any, **values: Any) -> int:
    """Insert one row and return its primary key. Raises Conflict when it exists."""
    try:
        result = connection.execute(insert(table).values(**values))
    except IntegrityError as error:
        raise Conflict(f"cannot add a row to {table.name}: it is there already") from error
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])
