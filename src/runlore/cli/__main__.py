"""``python -m runlore.cli`` is ``runlore``."""

from __future__ import annotations

from runlore.cli.main import main

main()
