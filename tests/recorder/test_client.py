"""The HTTP client: what it sends, and what becomes of each answer."""

from __future__ import annotations

import pytest
from tests.recorder.stand_in import KEY, Fault, StandIn

from runlore.errors import AuthenticationError, CommError, IncompatibleServer, NotFound, ServerUnreachable
from runlore.recorder.client import Client
from runlore.transport import Refused


def test_health_and_heartbeat_of_a_living_server() -> None:
    with StandIn() as server:
        client = Client(server.url + "/", KEY)
        assert client.health().status == "ok"
        assert client.heartbeat(["a" * 32]).known == []
        assert server.beats == [["a" * 32]]
        assert client.offset("a" * 32) is None
        client.close()


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "bad-credential", AuthenticationError),
        (404, "not-found", NotFound),
        (403, "forbidden", Refused),
        (409, "offset-gap", Refused),
        (503, "storage-full", Refused),
    ],
)
def test_refusals_have_their_class_and_tell_the_server_and_the_code(
    status: int, code: str, expected: type[CommError]
) -> None:
    with StandIn(lambda _path: Fault(status, code, offset=7)) as server:
        with pytest.raises(CommError) as caught:
            Client(server.url, KEY).ship("a" * 32, 0, b"x", encoding="identity", checksum=0)
        assert type(caught.value) is expected
        assert server.url in str(caught.value)
        assert code in str(caught.value)
        assert KEY not in str(caught.value)
        if isinstance(caught.value, Refused):
            assert (caught.value.status, caught.value.code, caught.value.offset) == (status, code, 7)


def test_a_cut_connection_a_closed_port_and_a_slow_answer_are_unreachable() -> None:
    with StandIn(lambda _path: Fault(is_cut=True)) as server, pytest.raises(ServerUnreachable):
        Client(server.url, KEY).health()
    with pytest.raises(ServerUnreachable, match="refused"):
        Client(server.url, KEY).health()
    with StandIn(lambda _path: Fault(wait_s=0.6)) as slow, pytest.raises(ServerUnreachable, match="time allowed"):
        Client(slow.url, KEY, read_timeout_s=0.1).health()


@pytest.mark.parametrize("address", ["", "localhost", "ftp://x", "http://", "file:///etc/passwd"])
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(ServerUnreachable, match="is no address"):
        Client(address, None)


def test_a_redirect_is_told_and_not_followed() -> None:
    with StandIn() as other, StandIn(lambda _path: Fault(302)) as server:
        with pytest.raises(IncompatibleServer, match="answers there"):
            Client(server.url, KEY).health()
        assert not other.requests


def test_what_is_no_runlore_server_is_incompatible() -> None:
    with StandIn() as server:
        server.runs["~/p/r"] = {"hello": "world"}
        with pytest.raises(IncompatibleServer, match="check the address"):
            Client(server.url, KEY).run("", "p", "r")


def test_a_proxy_from_the_environment_is_used_but_not_for_excepted_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    with StandIn() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        # The name does not exist: only a proxy can be asked for it, and the stand-in answers like the server.
        assert Client("http://runlore.invalid", KEY).health().status == "ok"
        assert proxy.requests
        asked = proxy.requests.total()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with StandIn() as server:
            assert Client(server.url, KEY).health().status == "ok"
        assert proxy.requests.total() == asked
