"""Points of metrics in SQL: a hot tail of accepted batches, folded into compressed chunks with exact roll-ups."""
