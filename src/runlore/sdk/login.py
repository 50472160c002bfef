"""``login``: keep the API key of a server."""

from __future__ import annotations

import sys

from runlore.errors import UsageError
from runlore.sdk import recorder_link
from runlore.sdk.settings import settle

LOGIN_TIMEOUT_S = 15.0


def login(
    key: str | None = None,
    relogin: bool | None = None,
    host: str | None = None,
    force: bool | None = None,
    timeout: float | None = None,
    verify: bool = False,
    referrer: str | None = None,  # noqa: ARG001 - W&B's argument
    prompt: bool = True,
    anonymous: str | None = None,  # noqa: ARG001 - W&B's argument
) -> bool:
    """Keep an API key for a server, and make that server the default of this user. True when a key is known.

    key: asked for in a terminal when absent and none is known yet. relogin: ask even so. host: address of the server, default the
    one in force. force: raise instead of answering False. timeout: seconds for ``verify``, which asks the server whether it
    knows the key. referrer, anonymous: without effect.

    Raises UsageError when no server is named, or with ``force`` when no key is known; with ``verify`` AuthenticationError for a
    key that the server does not know and CommError when it gives no answer.
    """
    from runlore import credentials  # noqa: PLC0415 - after the import budget

    settings = settle({"base_url": host, "api_key": key})
    found = credentials.find(settings.base_url, settings.api_key)
    if found is None:
        raise UsageError("cannot log in: no server is known; name it with login(host=) or RUNLORE_BASE_URL")
    api_key = key or ("" if relogin else found.api_key)
    if not api_key and prompt and sys.stdin is not None and sys.stdin.isatty():
        import getpass  # noqa: PLC0415 - only in a terminal

        api_key = getpass.getpass(f"API key for {found.base_url}: ").strip()
    if not api_key:
        if force:
            raise UsageError(
                f"cannot log in to {found.base_url}: no API key is known; pass login(key=) or set RUNLORE_API_KEY"
            )
        return False
    if verify:
        recorder_link.lookup(
            base_url=found.base_url,
            api_key=api_key,
            entity="",
            project=settings.project,
            run_id="0",
            timeout_s=LOGIN_TIMEOUT_S if timeout is None else timeout,
            insecure_disable_ssl=settings.insecure_disable_ssl,
            extra_http_headers=settings.extra_http_headers,
        )
    credentials.save(found.base_url, api_key)
    return True
