"""Files and databases that survive a kill: atomic writes, manifests, SQLite, members of tar files.

Knows nothing of their content.
"""
