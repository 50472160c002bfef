"""What the benchmarks and the journeys in ``tests/journeys`` share: real processes, a client, and their measurement."""
