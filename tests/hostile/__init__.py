"""The product as its enemies use it: what comes in is hostile, what goes out and what it costs is looked at."""
