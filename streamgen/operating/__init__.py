"""What tells an operator how a process is: probes, figures, logs. They ask, and change nothing. I/O."""
