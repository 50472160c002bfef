"""The owner of a data folder: its first user, made before any other, whose key lies in the folder."""

from __future__ import annotations

import getpass
import re
from typing import TYPE_CHECKING

from runlore.errors import UsageError
from runlore.protocol import ids
from runlore.server.access import digest
from runlore.server.folder import DataFolder, write_secret

if TYPE_CHECKING:
    from runlore.server.access import Access
    from runlore.store.base import MetaStore


def owner_of(access: Access, meta: MetaStore, folder: DataFolder) -> tuple[str, str]:
    """Name and API key of the owner; both are made when the folder is new.

    A key whose file was lost, or that was revoked, is replaced by a new one.
    """
    users = sorted(meta.users(), key=lambda user: user.id)
    name = users[0].name if users else owner_name()
    if users:
        key = folder.owner_key.read_text(encoding="utf-8").strip() if folder.owner_key.exists() else ""
        account = meta.account_of_key(digest(key))
        if account is not None and account.name == name:
            return name, key
        _, key = access.add_key(name)
    else:
        key = access.add_user(name)
    write_secret(folder.owner_key, key + "\n")
    return name, key


def owner_name() -> str:
    """The operating system's user name as a name here, "owner" when it is of no use."""
    try:
        name = re.sub(r"[^a-zA-Z0-9_.-]", "-", getpass.getuser()).strip("-_.")[: ids.MAX_ENTITY]
        return ids.check_entity(name)
    except (KeyError, OSError, UsageError):
        return "owner"
