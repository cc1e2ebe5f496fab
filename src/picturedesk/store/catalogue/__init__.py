"""What may be suggested now: vectors with metadata, behind the Protocol ``types.Catalogue``."""
