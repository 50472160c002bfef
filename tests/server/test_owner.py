from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import pytest

from runlore.errors import Conflict, UsageError
from runlore.server.access import digest
from runlore.server.administration import open_administration
from runlore.server.folder import DataFolder
from runlore.server.owner import owner_name, owner_of
from runlore.server.service import Service, open_service

if TYPE_CHECKING:
    from pathlib import Path


def owner(service: Service) -> tuple[str, str]:
    return owner_of(service.access, service.meta, service.folder)


def test_the_owner_keeps_name_and_key_over_restarts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    with open_service(DataFolder(tmp_path / "data")) as service:
        first = owner(service)
    monkeypatch.setattr(getpass, "getuser", lambda: "somebody-else")
    with open_service(DataFolder(tmp_path / "data")) as service:
        assert owner(service) == first
        assert first[0] == "ann"


def test_a_lost_or_revoked_owner_key_is_replaced(tmp_path: Path) -> None:
    with open_service(DataFolder(tmp_path / "data")) as service:
        name, first = owner(service)
        service.folder.owner_key.unlink()
        _, second = owner(service)
        with service.database.write() as tx:
            service.meta.revoke_key(tx, 2, now_ns=1)
        found, third = owner(service)
        assert found == name
        assert len({first, second, third}) == 3
        assert service.meta.account_of_key(digest(third)) is not None
        assert service.folder.owner_key.stat().st_mode & 0o777 == 0o600


def test_a_user_added_before_the_first_start_is_not_the_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    with open_administration(tmp_path / "data") as administration:
        administration.new_user("bob")
        assert [user.name for user in administration.users()] == ["ann", "bob"]
        with pytest.raises(Conflict):
            administration.new_user("ann")
        with pytest.raises(UsageError):
            administration.new_user("-bob")
        with pytest.raises(Conflict, match="user ls"):
            administration.new_key("nobody")
    with open_service(DataFolder(tmp_path / "data")) as service:
        assert owner(service)[0] == "ann"


@pytest.mark.parametrize(
    ("system", "name"), [("ann", "ann"), ("DOM\\ann b", "DOM-ann-b"), ("--", "owner"), ("\u4e2d", "owner")]
)
def test_system_names_become_names_here(monkeypatch: pytest.MonkeyPatch, system: str, name: str) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: system)
    assert owner_name() == name


def test_a_system_without_user_names_has_an_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise OSError("no user")

    monkeypatch.setattr(getpass, "getuser", fail)
    assert owner_name() == "owner"
