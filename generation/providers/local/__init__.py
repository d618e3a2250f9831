"""The small bundled model: a process on this machine's loopback and the provider that calls it. I/O."""
