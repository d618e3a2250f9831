"""The table is the queue: who may write what, and what becomes of a task. I/O: transactions and locks. It runs
nothing.
"""
