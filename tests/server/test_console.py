from __future__ import annotations

from typing import TYPE_CHECKING

from tests.server.served import Journal, serving

from runlore.protocol.records import Console

if TYPE_CHECKING:
    from pathlib import Path


def test_pages_number_the_lines_of_all_writers(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        primary, worker = Journal(), Journal(role="worker")
        served.send(primary.add(Console(time_ns=1, text="one\ntw"), Console(time_ns=2, text="bad\n", stream="stderr")))
        served.send(worker.add(Console(time_ns=3, text="w 10%\rw 50%")))
        served.send(primary.add(Console(time_ns=4, text="o\nthree")))
        page = served.get("/runs/~/p/r/console")
        assert page["total"] == 5
        assert [(line["number"], line["text"], line["stream"]) for line in page["lines"]] == [
            (0, "one", "stdout"),
            (1, "bad", "stderr"),
            (2, "two", "stdout"),
            (3, "w 50%", "stdout"),
            (4, "three", "stdout"),
        ]
        assert page["lines"][3]["writer"] == worker.writer
        served.send(worker.add(Console(time_ns=5, text="\rw done\n")))
        texts = [line["text"] for line in served.get("/runs/~/p/r/console")["lines"]]
        assert texts == ["one", "bad", "two", "w done", "three"]


def test_a_long_output_is_read_in_pages_from_both_ends(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal()
        for start in range(0, 9000, 1000):
            text = "".join(f"line {number} {'x' * 40}\n" for number in range(start, start + 1000))
            served.send(journal.add(Console(time_ns=1 + start, text=text)))
        page = served.get("/runs/~/p/r/console?offset=4321&limit=50")
        assert [line["number"] for line in page["lines"]] == list(range(4321, 4371))
        assert page["lines"][0]["text"].startswith("line 4321 ")
        end = served.get("/runs/~/p/r/console?offset=-3")
        assert (end["offset"], end["total"]) == (8997, 9000)
        assert [line["text"].split()[1] for line in end["lines"]] == ["8997", "8998", "8999"]
        assert served.get("/runs/~/p/r/console?offset=9999")["lines"] == []
        assert served.get("/runs/~/p/r/console?offset=-99999&limit=1")["lines"][0]["number"] == 0
        assert served.ask("GET", "/runs/~/p/r/console?limit=0").json()["error"]["field"] == "limit"


def test_a_run_without_output_has_an_empty_page(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        served.send(Journal())
        assert served.get("/runs/~/p/r/console") == {"lines": [], "offset": 0, "total": 0}
