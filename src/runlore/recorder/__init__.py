"""The recorder: a process of its own that drains journals to servers, samples the machine and notices dead trainers.

``python -m runlore.recorder run`` is the process, ``sync.sync`` the same drain run by hand, ``lookup`` one question to
a server. Nothing here runs inside a training process. How it all works: ``docs/design/recorder.md``.
"""
