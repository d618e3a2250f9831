"""Documents as plain HTTP answers that last: the frames of the live room as server-sent events. Nothing here writes a
row, and no request here holds a thread. I/O but for `event_ids`.
"""
