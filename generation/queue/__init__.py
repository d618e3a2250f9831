"""The table is the queue: who may write what, and what becomes of a task. It runs nothing. I/O."""
