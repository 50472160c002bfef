"""``runlore demo``: real models, trained while you watch. ``digits.py`` is an example to copy."""
