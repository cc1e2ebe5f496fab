"""What a catalogue on a server consists of: see ``store.catalogue.milvus``."""
