"""HTTP in, store out: no SQL, no file formats."""
