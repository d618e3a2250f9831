"""What tells an operator how a process is: probes, and later figures. They ask, and change nothing. I/O."""
