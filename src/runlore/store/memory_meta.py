"""The reference MetaStore: plain Python dictionaries, obviously right and slow. Tests compare the real one with it.

A transaction works on a copy of everything; the commit puts the copy in place of the original.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from runlore.errors import Conflict
from runlore.protocol import query
from runlore.protocol.documents import plain
from runlore.store.base import (
    Account,
    ConsoleChunk,
    ConsoleTail,
    Cut,
    JournalRecord,
    KeyCount,
    KeyInfo,
    LossRow,
    MetricName,
    ProjectInfo,
    RunRecord,
    SchemaRow,
    UserInfo,
)
from runlore.store.memory import MemoryTransaction
from runlore.store.memory_query import arranged, fulfils
from runlore.store.patterns import check_patterns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runlore.store.base import Stream, Transaction

_LIVE: Final = ("running", "pending", "preempting")


@dataclass
class _Project:
    entity: str
    name: str
    created_ns: int
    last_ordinal: int = 0


@dataclass
class _Key:
    user: int
    digest: bytes
    created_ns: int
    revoked_ns: int | None = None


@dataclass
class _State:
    """Everything that is stored. Lists count their entries from 1."""

    users: list[tuple[str, int]] = field(default_factory=list)
    keys: list[_Key] = field(default_factory=list)
    sessions: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    links: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    projects: list[_Project] = field(default_factory=list)
    runs: dict[int, RunRecord] = field(default_factory=dict)
    metrics: set[MetricName] = field(default_factory=set)
    journals: dict[str, JournalRecord] = field(default_factory=dict)
    schemas: dict[tuple[str, int], SchemaRow] = field(default_factory=dict)
    chunks: list[ConsoleChunk] = field(default_factory=list)
    tails: dict[tuple[int, str, str], ConsoleTail] = field(default_factory=dict)
    losses: dict[tuple[int, str], LossRow] = field(default_factory=dict)


class MemoryMetaStore:
    """Everything in one ``_State``; fulfils ``MetaStore``. Its transactions are those of ``MemoryDatabase``."""

    def __init__(self) -> None:
        self._state = _State()
        self._drafts: WeakKeyDictionary[MemoryTransaction, _State] = WeakKeyDictionary()

    def _draft(self, tx: Transaction) -> _State:
        assert isinstance(tx, MemoryTransaction)
        draft = self._drafts.get(tx)
        if draft is None:
            draft = self._drafts[tx] = copy.deepcopy(self._state)
            tx.changes.append(lambda: self._replace(draft))
        return draft

    def _replace(self, state: _State) -> None:
        self._state = state

    def _seen(self, tx: Transaction | None) -> _State:
        return self._state if tx is None else self._draft(tx)

    def add_user(self, tx: Transaction, name: str, *, now_ns: int) -> int:
        """See ``AccountStore.add_user``."""
        users = self._draft(tx).users
        if any(known == name for known, _ in users):
            raise Conflict(f"cannot add user {name!r}: the name is taken")
        users.append((name, now_ns))
        return len(users)

    def users(self) -> list[UserInfo]:
        """See ``AccountStore.users``."""
        state = self._state
        return sorted(
            (
                UserInfo(
                    number, name, created, sum(key.user == number and key.revoked_ns is None for key in state.keys)
                )
                for number, (name, created) in enumerate(state.users, 1)
            ),
            key=lambda user: user.name,
        )

    def account(self, name: str) -> Account | None:
        """See ``AccountStore.account``."""
        for number, (known, _) in enumerate(self._state.users, 1):
            if known == name:
                return Account(number, name, name, (name,))
        return None

    def add_key(self, tx: Transaction, user: int, digest: bytes, *, now_ns: int) -> int:
        """See ``AccountStore.add_key``."""
        keys = self._draft(tx).keys
        keys.append(_Key(user, digest, now_ns))
        return len(keys)

    def keys(self) -> list[KeyInfo]:
        """See ``AccountStore.keys``."""
        state = self._state
        return [
            KeyInfo(number, state.users[key.user - 1][0], key.created_ns, key.revoked_ns)
            for number, key in enumerate(state.keys, 1)
        ]

    def revoke_key(self, tx: Transaction, key: int, *, now_ns: int) -> bool:
        """See ``AccountStore.revoke_key``."""
        keys = self._draft(tx).keys
        if not 1 <= key <= len(keys):
            return False
        found = keys[key - 1]
        found.revoked_ns = now_ns if found.revoked_ns is None else found.revoked_ns
        return True

    def account_of_key(self, digest: bytes) -> Account | None:
        """See ``AccountStore.account_of_key``."""
        found = [key.user for key in self._state.keys if key.digest == digest and key.revoked_ns is None]
        return self._account(found[0]) if found else None

    def add_session(self, tx: Transaction, digest: bytes, user: int, *, expires_ns: int) -> None:
        """See ``AccountStore.add_session``."""
        self._draft(tx).sessions[digest] = (user, expires_ns)

    def account_of_session(self, digest: bytes, *, now_ns: int) -> Account | None:
        """See ``AccountStore.account_of_session``."""
        user, expires_ns = self._state.sessions.get(digest, (0, 0))
        return self._account(user) if expires_ns > now_ns else None

    def delete_session(self, tx: Transaction, digest: bytes) -> None:
        """See ``AccountStore.delete_session``."""
        self._draft(tx).sessions.pop(digest, None)

    def add_link(self, tx: Transaction, digest: bytes, user: int, *, expires_ns: int) -> None:
        """See ``AccountStore.add_link``."""
        self._draft(tx).links[digest] = (user, expires_ns)

    def take_link(self, tx: Transaction, digest: bytes, *, now_ns: int) -> int | None:
        """See ``AccountStore.take_link``."""
        user, expires_ns = self._draft(tx).links.pop(digest, (0, 0))
        return user if expires_ns > now_ns else None

    def purge_expired(self, tx: Transaction, *, now_ns: int) -> None:
        """See ``AccountStore.purge_expired``."""
        state = self._draft(tx)
        state.sessions = {digest: entry for digest, entry in state.sessions.items() if entry[1] > now_ns}
        state.links = {digest: entry for digest, entry in state.links.items() if entry[1] > now_ns}

    def _account(self, user: int) -> Account:
        name = self._state.users[user - 1][0]
        return Account(user, name, name, (name,))

    def open_project(self, tx: Transaction, entity: str, name: str, *, now_ns: int) -> int:
        """See ``RunStore.open_project``."""
        projects = self._draft(tx).projects
        for number, project in enumerate(projects, 1):
            if (project.entity, project.name) == (entity, name):
                return number
        projects.append(_Project(entity, name, now_ns))
        return len(projects)

    def project(self, entity: str, name: str) -> int | None:
        """See ``RunStore.project``."""
        for number, project in enumerate(self._state.projects, 1):
            if (project.entity, project.name) == (entity, name):
                return number
        return None

    def projects(self, entities: Sequence[str]) -> list[ProjectInfo]:
        """See ``RunStore.projects``."""
        found: list[ProjectInfo] = []
        for number, project in enumerate(self._state.projects, 1):
            if project.entity in entities:
                runs = [run for run in self._state.runs.values() if run.project_key == number]
                found.append(
                    ProjectInfo(
                        number,
                        project.entity,
                        project.name,
                        len(runs),
                        sum(run.state in _LIVE for run in runs),
                        project.created_ns,
                        max((run.updated_ns for run in runs), default=None),
                    )
                )
        return sorted(found, key=lambda project: (-(project.active_ns or project.created_ns), project.id))

    def open_run(
        self, tx: Transaction, project: int, run_id: str, *, user: str, name: str, now_ns: int
    ) -> tuple[int, bool]:
        """See ``RunStore.open_run``."""
        state = self._draft(tx)
        for run in state.runs.values():
            if (run.project_key, run.id) == (project, run_id):
                return run.key, False
        home = state.projects[project - 1]
        home.last_ordinal += 1
        key = len(state.runs) + 1
        state.runs[key] = RunRecord(
            key=key,
            project_key=project,
            entity=home.entity,
            project=home.name,
            id=run_id,
            ordinal=home.last_ordinal,
            segment=key,
            name=name,
            user=user,
            created_ns=now_ns,
            updated_ns=now_ns,
            record_ns=now_ns,
        )
        return key, True

    def find_run(self, entity: str, project: str, run_id: str) -> RunRecord | None:
        """See ``RunStore.find_run``."""
        for run in self._state.runs.values():
            if (run.entity, run.project, run.id) == (entity, project, run_id):
                return copy.deepcopy(run)
        return None

    def runs_by_key(self, keys: Sequence[int], tx: Transaction | None = None) -> dict[int, RunRecord]:
        """See ``RunStore.runs_by_key``."""
        runs = self._seen(tx).runs
        return {key: copy.deepcopy(runs[key]) for key in keys if key in runs}

    def save_runs(self, tx: Transaction, runs: Sequence[RunRecord]) -> None:
        """See ``RunStore.save_runs``."""
        state = self._draft(tx)
        for run in runs:
            run.version += 1
            kept = copy.deepcopy(run)
            kept.config, kept.summary, kept.metadata = plain(run.config), plain(run.summary), plain(run.metadata)
            state.runs[run.key] = kept

    def list_runs(
        self,
        project: int,
        *,
        offset: int,
        limit: int,
        order: Sequence[query.Term] = query.NEWEST_FIRST,
        filters: query.Filter = query.EVERYTHING,
        search: str = "",
    ) -> tuple[list[RunRecord], int]:
        """See ``RunStore.list_runs``."""
        check_patterns(filters)
        wanted = search.lower()
        runs = [
            run
            for run in self._state.runs.values()
            if run.project_key == project
            and any(wanted in text.lower() for text in (run.name, run.id, run.group, run.notes, *run.tags))
            and fulfils(run, filters)
        ]
        return copy.deepcopy(arranged(runs, order)[offset : offset + limit]), len(runs)

    def key_counts(self, project: int) -> list[KeyCount]:
        """See ``RunStore.key_counts``."""
        counts: Counter[tuple[str, str]] = Counter()
        for run in self._state.runs.values():
            if run.project_key == project:
                for kind, document in (("config", run.config), ("summary", run.summary)):
                    counts.update((kind, path) for path in _paths(document))
                counts.update(
                    ("metric", metric.name)
                    for metric in self._state.metrics
                    if metric.run == run.key and metric.stream == "history"
                )
        found = [KeyCount(kind, name, runs) for (kind, name), runs in counts.items()]
        return sorted(found, key=lambda count: (-count.runs, count.name))

    def cuts(self, runs: Sequence[int]) -> dict[int, list[Cut]]:
        """See ``RunStore.cuts``."""
        return {key: [Cut(self._state.runs[key].segment)] for key in runs if key in self._state.runs}

    def live_runs(self) -> list[int]:
        """See ``RunStore.live_runs``."""
        return [run.key for run in self._state.runs.values() if run.state in _LIVE]

    def metric_names(self, tx: Transaction, run: int) -> set[tuple[Stream, str]]:
        """See ``RunStore.metric_names``."""
        return {(metric.stream, metric.name) for metric in self._draft(tx).metrics if metric.run == run}

    def add_metric_names(self, tx: Transaction, names: Sequence[MetricName]) -> None:
        """See ``RunStore.add_metric_names``."""
        self._draft(tx).metrics.update(names)

    def journals(self, writers: Sequence[str], tx: Transaction | None = None) -> dict[str, JournalRecord]:
        """See ``JournalStore.journals``."""
        known = self._seen(tx).journals
        return {writer: copy.deepcopy(known[writer]) for writer in writers if writer in known}

    def journals_of(self, runs: Sequence[int], tx: Transaction | None = None) -> dict[int, list[JournalRecord]]:
        """See ``JournalStore.journals_of``."""
        found: dict[int, list[JournalRecord]] = {}
        for journal in self._seen(tx).journals.values():
            if journal.run in runs:
                found.setdefault(journal.run, []).append(copy.deepcopy(journal))
        return found

    def add_journal(self, tx: Transaction, journal: JournalRecord) -> None:
        """See ``JournalStore.add_journal``."""
        journals = self._draft(tx).journals
        if journal.writer in journals:
            raise Conflict(f"cannot add journal {journal.writer!r}: it is known")
        journals[journal.writer] = copy.deepcopy(journal)

    def save_journals(self, tx: Transaction, journals: Sequence[JournalRecord]) -> None:
        """See ``JournalStore.save_journals``."""
        self._draft(tx).journals.update((journal.writer, copy.deepcopy(journal)) for journal in journals)

    def touch_journals(self, tx: Transaction, seen: Mapping[str, int]) -> None:
        """See ``JournalStore.touch_journals``."""
        for writer, seen_ns in seen.items():
            self._draft(tx).journals[writer].seen_ns = seen_ns

    def schemas(self, writer: str) -> dict[int, SchemaRow]:
        """See ``JournalStore.schemas``."""
        return {number: row for (owner, number), row in self._state.schemas.items() if owner == writer}

    def add_schemas(self, tx: Transaction, schemas: Sequence[SchemaRow]) -> None:
        """See ``JournalStore.add_schemas``."""
        self._draft(tx).schemas.update(((row.writer, row.id), row) for row in schemas)

    def console_ends(
        self, tx: Transaction, runs: Sequence[int]
    ) -> tuple[dict[int, int], dict[tuple[int, str, str], ConsoleTail]]:
        """See ``JournalStore.console_ends``."""
        state = self._draft(tx)
        lines: dict[int, int] = {}
        for chunk in state.chunks:
            if chunk.run in runs:
                lines[chunk.run] = max(lines.get(chunk.run, 0), chunk.first_line + chunk.lines)
        return lines, {place: tail for place, tail in state.tails.items() if place[0] in runs}

    def add_console(
        self, tx: Transaction, chunks: Sequence[ConsoleChunk], tails: Mapping[tuple[int, str, str], ConsoleTail]
    ) -> None:
        """See ``JournalStore.add_console``."""
        state = self._draft(tx)
        state.chunks.extend(chunks)
        state.tails.update(tails)

    def console(self, run: int, *, first_line: int, count: int) -> list[ConsoleChunk]:
        """See ``JournalStore.console``."""
        return [
            chunk
            for chunk in self._state.chunks
            if chunk.run == run
            and chunk.first_line < first_line + count
            and chunk.first_line + chunk.lines > first_line
            and chunk.lines
        ]

    def console_state(self, run: int) -> tuple[int, list[tuple[str, str, ConsoleTail]]]:
        """See ``JournalStore.console_state``."""
        lines = max((chunk.first_line + chunk.lines for chunk in self._state.chunks if chunk.run == run), default=0)
        tails = [
            (writer, stream, tail)
            for (owner, writer, stream), tail in self._state.tails.items()
            if owner == run and tail.text
        ]
        return lines, sorted(tails, key=lambda entry: (entry[2].time_ns, entry[0], entry[1]))

    def add_losses(self, tx: Transaction, losses: Sequence[LossRow]) -> None:
        """See ``JournalStore.add_losses``."""
        known = self._draft(tx).losses
        for loss in losses:
            place = (loss.run, loss.reason)
            old = known.get(place, LossRow(loss.run, loss.reason, 0, 0, 0))
            known[place] = LossRow(
                *place, old.rows + loss.rows, old.size_bytes + loss.size_bytes, old.times + loss.times
            )

    def losses(self, run: int) -> list[LossRow]:
        """See ``JournalStore.losses``."""
        found = [loss for loss in self._state.losses.values() if loss.run == run]
        return sorted(found, key=lambda loss: loss.reason)


def _paths(document: dict[str, Any]) -> set[str]:
    paths: set[str] = set()
    for key, value in document.items():
        if isinstance(value, dict) and value and "_type" not in value:
            paths |= {f"{key}.{path}" for path in _paths(value)}
        else:
            paths.add(key)
    return paths
