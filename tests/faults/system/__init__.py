"""The processes and servers that a run consists of, each real, each ended by whoever started it."""
