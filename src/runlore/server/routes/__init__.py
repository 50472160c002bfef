"""The HTTP routes of ``docs/design/http.md``: they read requests and write answers, nothing else."""
