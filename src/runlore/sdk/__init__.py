"""What runs inside the training process: settles settings, turns calls into journal records, never hurts training.

Refuses to touch the network: a separate process, the recorder, carries the journal to a server.
"""
