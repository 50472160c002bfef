"""The one-shot question to a server, as the SDK asks it: a process, JSON in, JSON out."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import msgspec
import pytest
from tests.recorder.stand_in import KEY, Fault, StandIn

from runlore import folders
from runlore.protocol.messages import Run, RunDetail


def ask(**question: Any) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "runlore.recorder", "lookup"],
        input=json.dumps({"project": "my project", "run_id": "r/1", "timeout_s": 5, **question}).encode(),
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def detail() -> Any:
    run = Run(
        key=1, entity="me", project="my project", id="r/1", ordinal=1, name="sunny", state="crashed", created_at="",
        updated_at="", finished_at=None, duration_s=12.5, user="me", notes="n", tags=["a"], group="", job_type="",
        exit_code=None, state_reason="", last_step=41, rows=42, lost_rows=0, version=1, config={"lr": 0.1},
        summary={"loss": "NaN"},
    )  # fmt: skip
    return msgspec.to_builtins(RunDetail(run=run, metadata={}, metrics=[], writers=[], losses=[]))


def test_a_known_run_is_described() -> None:
    with StandIn() as server:
        server.runs["~/my%20project/r%2F1"] = detail()
        answer = ask(base_url=server.url, api_key=KEY)
    assert answer["found"] is True
    assert (answer["last_step"], answer["runtime_s"], answer["name"]) == (41, 12.5, "sunny")
    assert (answer["config"], answer["summary"]) == ({"lr": 0.1}, {"loss": "NaN"})
    assert (answer["tags"], answer["notes"]) == (["a"], "n")
    assert (answer["error"], answer["error_kind"]) == (None, None)


def test_an_unknown_run_is_not_found_and_no_error() -> None:
    with StandIn() as server:
        answer = ask(base_url=server.url, api_key=KEY, entity="team")
    assert (answer["found"], answer["error"], answer["error_kind"]) == (False, None, None)


def test_the_local_server_is_asked_when_none_is_named() -> None:
    answer = ask()
    assert answer["error_kind"] == "unreachable"
    assert "runlore server" in answer["error"]
    with StandIn() as server:
        server.runs["~/my%20project/r%2F1"] = detail()
        folders.write_private(folders.server_file(), json.dumps({"url": server.url, "api_key": KEY}).encode())
        assert ask()["found"] is True


@pytest.mark.parametrize(
    ("fault", "protocol", "key", "kind"),
    [
        (None, 1, "rl-wrong", "auth"),
        (None, 2, KEY, "incompatible"),
        (Fault(404, ""), 1, KEY, "incompatible"),
        (Fault(503, "storage-failed"), 1, KEY, "unreachable"),
        (Fault(is_cut=True), 1, KEY, "unreachable"),
        (Fault(wait_s=1.0), 1, KEY, "unreachable"),
    ],
)
def test_faults_have_a_kind(fault: Fault | None, protocol: int, key: str, kind: str) -> None:
    with StandIn(lambda _path: fault) as server:
        server.protocol = protocol
        answer = ask(base_url=server.url, api_key=key, timeout_s=0.5)
    assert (answer["found"], answer["error_kind"]) == (False, kind)
    assert server.url in answer["error"]


def test_other_refusals_are_other() -> None:
    with StandIn(lambda path: Fault(403, "forbidden") if path.startswith("/runs") else None) as server:
        assert ask(base_url=server.url, api_key=KEY)["error_kind"] == "other"


def test_a_question_that_cannot_be_read_is_answered_with_an_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runlore.recorder", "lookup"], input=b"{", capture_output=True, check=True
    )
    assert json.loads(done.stdout)["error_kind"] == "other"
