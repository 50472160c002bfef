from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.served import HOST, Journal, serving

from runlore.server import access
from runlore.server.security import COOKIE, HEADERS

if TYPE_CHECKING:
    from pathlib import Path


def sign_in(client: Any, **body: str) -> Any:
    return client.post("/api/v1/session", json=body)


def test_nothing_is_open_without_a_credential(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        schema = served.get("/openapi.json")
        open_paths = {"/api/v1/health", "/api/v1/session"}
        for path, item in schema["paths"].items():
            for method in item:
                if method in {"get", "post", "patch", "delete"} and path not in open_paths:
                    filled = path.replace("{", "").replace("}", "")
                    answer = served.client.request(method, filled, json={})
                    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "no-credential"), (
                        method,
                        path,
                    )
        for path in ("/api/v1/events", "/api/v1/openapi.json", "/api/v1/openapi/openapi.json"):
            assert served.client.get(path).status_code == 401
        assert served.client.get("/api/v1/health").json()["status"] == "ok"


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "Bearer ", "Bearer rl-unknown", "rl-x"])
def test_a_wrong_key_is_refused(tmp_path: Path, header: str) -> None:
    with serving(tmp_path) as served:
        answer = served.client.get("/api/v1/me", headers={"Authorization": header})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "bad-credential")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_keys_look_as_documented_and_are_not_stored(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        assert served.key.startswith("rl-")
        assert len(served.key) == 3 + 48
        assert served.get("/me") == {"user": "ann", "entity": "ann", "entities": ["ann"]}
        folder = served.service.folder.path
        for file in folder.glob("runlore.sqlite*"):
            assert served.key.encode() not in file.read_bytes()


def test_a_revoked_key_dies_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "REMEMBERED_S", 0.05)
    with serving(tmp_path) as served:
        number, key = served.service.access.add_key("ann")
        assert served.ask("GET", "/me", key=key).status_code == 200
        with served.service.database.write() as tx:
            served.service.meta.revoke_key(tx, number, now_ns=1)
        time.sleep(0.1)
        assert served.ask("GET", "/me", key=key).status_code == 401
        assert served.ask("GET", "/me").status_code == 200


def test_a_link_becomes_a_session_once(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        token = served.service.access.add_link("ann")
        answer = sign_in(served.client, link=token)
        assert answer.json()["user"] == "ann"
        cookie = answer.headers["set-cookie"]
        for attribute in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age="):
            assert attribute in cookie
        assert served.client.get("/api/v1/me").json()["user"] == "ann"
        again = sign_in(served.client, link=token)
        assert (again.status_code, again.json()["error"]["code"]) == (401, "bad-credential")
        own = {"Origin": f"http://{HOST}"}
        assert served.client.delete("/api/v1/session", headers=own).status_code == 204
        served.client.cookies.set(COOKIE, cookie.split("=")[1].split(";")[0])
        assert served.client.get("/api/v1/me").status_code == 401


def test_links_and_sessions_expire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path) as served:
        with monkeypatch.context() as patch:
            patch.setattr(access, "LINK_S", -1)
            assert sign_in(served.client, link=served.service.access.add_link("ann")).status_code == 401
        with monkeypatch.context() as patch:
            patch.setattr(access, "SESSION_S", -1)
            answer = sign_in(served.client, api_key=served.key)
            assert answer.status_code == 200
        assert served.client.get("/api/v1/me", headers={"Cookie": answer.headers["set-cookie"]}).status_code == 401


def test_signing_in_takes_exactly_one_secret(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        assert sign_in(served.client).status_code == 400
        assert sign_in(served.client, link="a", api_key=served.key).status_code == 400
        assert sign_in(served.client, api_key="rl-wrong").status_code == 401
        assert sign_in(served.client, api_key=served.key).status_code == 200


def test_a_page_of_another_site_cannot_use_the_cookie(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        sign_in(served.client, api_key=served.key)
        served.send(Journal())
        path, body = "/api/v1/runs/~/p/r", {"name": "x"}
        for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = served.client.patch(path, json=body, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "bad-origin")
        foreign = served.client.post(
            "/api/v1/session", json={"api_key": served.key}, headers={"Origin": "http://evil.example"}
        )
        assert foreign.status_code == 403
        assert served.client.get("/api/v1/me", headers={"Origin": "http://evil.example"}).status_code == 200
        for headers in ({"Origin": f"http://{HOST}"}, {"Sec-Fetch-Site": "same-origin"}):
            assert served.client.patch(path, json=body, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8417", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8417", 200),
        (HOST, 200),
        (HOST.upper(), 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("192.168.0.7", 403),
        ("", 403),
        ("[", 403),
    ],
)
def test_only_own_names_are_answered_to(tmp_path: Path, host: str, status: int) -> None:
    with serving(tmp_path) as served:
        for path in ("/api/v1/health", "/"):
            answer = served.client.get(path, headers={"Host": host})
            assert answer.status_code == status
            if status == 403:
                assert answer.json()["error"]["code"] == "bad-host"


def test_every_answer_has_the_security_headers(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        answers = [
            served.client.get("/"),
            served.client.get("/api/v1/me"),
            served.client.get("/api/v1/nothing"),
            served.client.get("/", headers={"Host": "evil.example"}),
            served.ask("GET", "/projects"),
        ]
        for answer in answers:
            for name, value in HEADERS.items():
                assert answer.headers.get_list(name) == [value]


def test_what_is_not_yours_looks_like_what_is_not_there(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        bob = served.service.access.add_user("bob")
        served.send(Journal().rows(range(2)))
        for path in (
            "/projects/ann/p/runs",
            "/projects/ann/p/keys",
            "/runs/ann/p/r",
            "/runs/ann/p/r/history",
            "/runs/ann/p/r/console",
        ):
            theirs, nobodys = (
                served.ask("GET", path, key=bob),
                served.ask("GET", path.replace("ann", "nobody"), key=bob),
            )
            assert theirs.status_code == nobodys.status_code == 404
            assert theirs.text.replace("'ann'", "X") == nobodys.text.replace("'nobody'", "X")
            assert served.ask("GET", path).status_code == 200
        assert served.ask("PATCH", "/runs/ann/p/r", key=bob, json={"name": "x"}).status_code == 404
        body = {"runs": [{"entity": "ann", "project": "p", "id": "r"}], "metrics": ["loss"]}
        assert served.ask("POST", "/series", key=bob, json=body).status_code == 404
        assert served.get("/projects", key=bob) == {"projects": []}
