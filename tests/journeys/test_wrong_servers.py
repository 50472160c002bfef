"""A server that is not there, not ours, of another version, or a key it does not know: a clear message, no harm."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from harness.live_server import free_port
from harness.scripts import run_command, run_script

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.live_server import Server

KEY = "rl-" + "x" * 48

TRAINING = """
    import runlore, sys, time
    begin = time.perf_counter()
    run = runlore.init(project=sys.argv[1], id="lonely", settings=runlore.Settings(finish_timeout=3))
    run.log({"loss": 1})
    assert time.perf_counter() - begin < 10
    run.finish()
    print("survived")
"""


@contextlib.contextmanager
def stand_in(answer: dict[str, object], status: int = 200) -> Iterator[str]:
    """The address of a server that is none of ours and gives the same answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answer).encode()
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name is the base class's

        def log_message(self, *_words: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_address[1]}"
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


def check_kept_for_later(home: Path, server: Server, project: str) -> None:
    """What was logged to a wrong address is in the journal, and a sync to the right one brings it."""
    run_command(
        home, "sync", "--all", extra={"RUNLORE_BASE_URL": server.url, "RUNLORE_API_KEY": server.api_key}, timeout_s=60
    )
    assert server.run(project, "lonely") is not None


def test_unreachable_server_is_named_at_the_end_of_the_run(server: Server, home: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = run_script(home, TRAINING, "unreachable", extra={"RUNLORE_BASE_URL": url, "RUNLORE_API_KEY": KEY})
    assert "survived" in done.stdout
    assert url in done.stderr
    assert "runlore sync" in done.stderr
    check_kept_for_later(home, server, "unreachable")


def test_wrong_key_is_named_and_nothing_is_lost(server: Server, home: Path) -> None:
    done = run_script(home, TRAINING, "wrong-key", extra={"RUNLORE_BASE_URL": server.url, "RUNLORE_API_KEY": KEY})
    assert "survived" in done.stdout
    assert "key" in done.stderr.lower()
    assert KEY not in done.stderr + done.stdout
    assert server.run("wrong-key", "lonely") is None


def test_login_with_a_wrong_key_is_refused(server: Server, home: Path) -> None:
    done = run_command(home, "login", "--host", server.url, typed=KEY, expected=None)
    assert done.returncode != 0
    assert "key" in (done.stderr + done.stdout).lower()
    assert not (home / "credentials.json").exists()


def test_login_then_training_streams_to_that_server(server: Server, home: Path) -> None:
    run_command(home, "login", "--host", server.url, typed=server.api_key)
    run_script(
        home, "import runlore\nwith runlore.init(project='by-login', id='guest') as run:\n    run.log({'loss': 1})"
    )
    detail = server.wait_run(
        "by-login", "guest", lambda seen: seen.run.state == "finished", timeout_s=15, what="the run"
    )
    assert detail.run.rows == 1
    assert (home / "credentials.json").stat().st_mode & 0o077 == 0


def test_server_of_another_version_is_refused_with_both_versions(home: Path) -> None:
    with stand_in({"status": "ok", "version": "99.0.0", "protocol": 99, "journal_format": 99}) as url:
        done = run_script(home, TRAINING, "other-version", extra={"RUNLORE_BASE_URL": url, "RUNLORE_API_KEY": KEY})
        refused = run_command(home, "login", "--host", url, typed=KEY, expected=None)
    assert "survived" in done.stdout
    for told in (done.stderr, refused.stderr + refused.stdout):
        assert "99" in told
        assert "version" in told.lower() or "protocol" in told.lower()
    assert refused.returncode != 0


def test_server_that_is_no_runlore_server_is_named(home: Path) -> None:
    with stand_in({"hello": "world"}) as url:
        done = run_script(home, TRAINING, "no-runlore", extra={"RUNLORE_BASE_URL": url, "RUNLORE_API_KEY": KEY})
        refused = run_command(home, "login", "--host", url, typed=KEY, expected=None)
    assert "survived" in done.stdout
    assert url in done.stderr
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr


def test_resume_must_asks_the_server_and_says_when_it_cannot(home: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = run_script(
        home,
        """
        import runlore
        try:
            runlore.init(project="p", id="nowhere", resume="must", settings=runlore.Settings(init_timeout=3))
        except Exception as error:
            print(type(error).__name__, error)
        """,
        extra={"RUNLORE_BASE_URL": url, "RUNLORE_API_KEY": KEY},
    )
    assert url in done.stdout
    assert "nowhere" in done.stdout


@pytest.mark.parametrize("words", [("server", "--port", "{taken}"), ("server", "--data", "/proc/nowhere")])
def test_server_that_cannot_start_says_why(server: Server, home: Path, words: tuple[str, ...]) -> None:
    chosen = [word.format(taken=server.port) for word in words]
    if "--port" not in chosen:
        chosen += ["--port", str(free_port())]
    done = run_command(home, *chosen, expected=None, timeout_s=60)
    said = done.stderr + done.stdout
    assert done.returncode != 0
    assert str(server.port) in said or "/proc/nowhere" in said
    assert "Traceback" not in said


def test_second_server_on_the_same_data_is_refused(server: Server, home: Path) -> None:
    done = run_command(home, "server", "--port", str(free_port()), "--data", str(server.data), expected=None)
    assert done.returncode != 0
    assert str(server.data) in (done.stderr + done.stdout).replace("\n", "")
