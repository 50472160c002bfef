"""Words that both sides speak: journal records, their bytes, ids, column frames, HTTP messages.

A leaf: imports nothing of ours but ``errors``, and does no I/O, reads no clock.
"""
