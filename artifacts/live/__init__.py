"""From an event to a frame: all that lies between the news of a write and what a viewer's websocket sends. Nothing
here writes a row. I/O but for `cuts`, `protocol`, `rendered`, `replica`, `text_log`, `viewer` and `wire`.
"""
