"""Journals in: from the bytes of a range to one transaction. See ``docs/design/ingest.md``."""
