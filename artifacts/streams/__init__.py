"""Documents as plain HTTP answers: live frames as server-sent events, and each epoch as a Durable Stream. Nothing here
writes a row, and no request holds a thread. I/O but for `event_ids` and `offsets`.
"""
