from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from tests.server.served import Journal, serving

from runlore.protocol.messages import Change, Changes
from runlore.server import live
from runlore.server.live import Hub

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def collect(hub: Hub, cursor: int | None, count: int, entities: tuple[str, ...] = ("ann",)) -> list[Any]:
    found: list[Any] = []
    async for entry in hub.listen(cursor, entities, idle_s=0.3):
        found.append(entry)
        if len(found) == count:
            break
    return found


def test_changes_are_merged_and_only_ones_own_are_told() -> None:
    async def scenario() -> None:
        hub = Hub()
        hub.start()
        listening = asyncio.create_task(collect(hub, None, 3))
        await asyncio.sleep(0)
        for key in range(5):
            hub.publish({key: "ann", key + 10: "bob"}, {("ann", "p"), ("bob", "q")})
        first, change, idle = await listening
        assert (first.runs, first.projects) == ([], [])
        assert isinstance(change, Change)
        assert (change.runs, change.projects) == ([0, 1, 2, 3, 4], ["ann/p"])
        assert change.cursor > first.cursor
        assert idle is None
        assert hub.since(first.cursor, {"bob"}).projects == ["bob/q"]
        hub.close()

    asyncio.run(scenario())


def test_a_listener_that_comes_back_gets_what_it_missed() -> None:
    async def scenario() -> None:
        hub = Hub()
        hub.start()
        cursor = hub.since(0, ()).cursor
        hub.publish({1: "ann"}, {("ann", "p")})
        await asyncio.sleep(live.INTERVAL_S * 2)
        hub.publish({2: "ann"}, {("ann", "p")})
        await asyncio.sleep(live.INTERVAL_S * 2)
        (missed,) = await collect(hub, cursor, 1)
        assert missed.runs == [1, 2]
        (nothing,) = await collect(hub, missed.cursor, 1)
        assert nothing.runs == []
        hub.close()

    asyncio.run(scenario())


def test_a_cursor_of_before_is_told_that_there_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_KEPT", 1)

    async def scenario() -> None:
        hub = Hub()
        hub.start()
        start = hub.since(0, ()).cursor
        for key in range(3):
            hub.publish({key: "ann"}, ())
            await asyncio.sleep(live.INTERVAL_S * 1.5)
        assert hub.since(start, {"ann"}).gap
        assert hub.since(5, {"ann"}).gap
        (gap,) = await collect(hub, start, 1)
        assert isinstance(gap, Changes)
        assert hub.since(gap.cursor + 1, {"ann"}).gap, "a cursor from the future"
        hub.close()

    asyncio.run(scenario())


def test_closing_ends_every_stream() -> None:
    async def scenario() -> None:
        hub = Hub()
        hub.start()
        listening = asyncio.create_task(collect(hub, None, 99))
        await asyncio.sleep(0.01)
        hub.close()
        assert len(await asyncio.wait_for(listening, 2)) == 1

    asyncio.run(scenario())


def test_uploads_are_told(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        cursor = served.get("/changes?since=0")["cursor"]
        served.send(Journal())
        for _ in range(50):
            found = served.get(f"/changes?since={cursor}")
            if found["runs"]:
                break
            time.sleep(0.02)
        assert found["runs"] == [served.run()["key"]]
        assert found["projects"] == ["ann/p"]
        assert served.ask("GET", "/changes?since=-1").json()["error"]["field"] == "since"
