"""Changes of runs from outside: the browser and the Api."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runlore.protocol import ids
from runlore.server.refusal import Refusal, not_found

if TYPE_CHECKING:
    from runlore.protocol.messages import RunChange
    from runlore.server.service import Service
    from runlore.store.base import Account, RunRecord

_MAX_TEXT = 65_536


def change_run(service: Service, account: Account, path: tuple[str, str, str], change: RunChange) -> RunRecord:
    """The run after the change; None in it leaves a field as it is, maps are merged by top-level key.

    Raises Refusal ``not-found``, or ``bad-request`` for a value that is too long; UsageError for a bad tag.
    """
    key = service.access.run(account, *path).key
    for name in ("name", "notes", "group"):
        text = getattr(change, name)
        if text is not None and (len(text) > _MAX_TEXT or (name == "name" and not text.strip())):
            raise Refusal("bad-request", f"cannot set the {name}: expected 1 to {_MAX_TEXT} characters", field=name)
    tags = None if change.tags is None else list(dict.fromkeys(ids.check_tag(tag) for tag in change.tags))
    with service.database.write() as tx:
        run = service.meta.runs_by_key([key], tx).get(key)
        if run is None:
            raise not_found(f"run {'/'.join(path)}")
        run.name = run.name if change.name is None else change.name
        run.notes = run.notes if change.notes is None else change.notes
        run.group = run.group if change.group is None else change.group
        run.tags = run.tags if tags is None else tags
        run.config.update(change.config or {})
        run.summary.update(change.summary or {})
        for name in change.config_remove or ():
            run.config.pop(name, None)
        for name in change.summary_remove or ():
            run.summary.pop(name, None)
        run.updated_ns = time.time_ns()
        service.meta.save_runs(tx, [run])
    service.hub.publish({run.key: run.entity}, {(run.entity, run.project)})
    return run
