from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import urllib3
from harness.live_server import Server, running_server, wait_for
from typer.testing import CliRunner

from runlore.api import Api
from runlore.cli import app
from runlore.errors import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("users") / "home") as running:
        yield running


def invoke(*arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_new_users_key_is_the_last_line_and_works_at_once(server: Server) -> None:
    key = invoke("user", "add", "ada", "--data", str(server.data)).splitlines()[-1]
    api = Api(server.url, key)
    assert (api.viewer.user, api.default_entity) == ("ada", "ada")
    assert "ada" in invoke("user", "ls", "--data", str(server.data))


def test_taken_name_is_refused(server: Server) -> None:
    invoke("user", "add", "grace", "--data", str(server.data))
    done = CliRunner().invoke(app, ["user", "add", "grace", "--data", str(server.data)])
    assert done.exit_code == 1
    assert "grace" in done.stderr


def test_revoked_key_is_refused_by_the_running_server(server: Server) -> None:
    data = ("--data", str(server.data))
    invoke("user", "add", "emmy", *data)
    made = json.loads(invoke("key", "new", "emmy", "--json", *data))
    assert Api(server.url, made["api_key"]).viewer.user == "emmy"
    invoke("key", "revoke", str(made["id"]), *data)

    def is_refused() -> bool:
        try:
            return Api(server.url, made["api_key"]).viewer.user == ""
        except AuthenticationError:
            return True

    wait_for(is_refused, timeout_s=5, what="the key to be refused")
    listed = {key["id"]: key for key in json.loads(invoke("key", "ls", "--json", *data))}
    assert listed[made["id"]]["revoked_at"]
    assert made["api_key"] not in json.dumps(listed)


def test_link_logs_a_browser_in_once(server: Server) -> None:
    link = invoke("link", "--url", server.url, "--data", str(server.data)).strip()
    token = link.partition("#link=")[2]
    body = json.dumps({"link": token}).encode()
    headers = {"Content-Type": "application/json", "Origin": server.url}
    answers = [
        urllib3.request("POST", f"{server.url}/api/v1/session", body=body, headers=headers, retries=False)
        for _ in range(2)
    ]
    assert answers[0].status in {200, 201}
    assert "HttpOnly" in answers[0].headers["Set-Cookie"]
    assert answers[1].status == 401
