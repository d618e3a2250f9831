"""From an event to a frame: everything between the news of a write and what a viewer's websocket sends. `replica`,
`text_log`, `rendered`, `viewer`, `cuts` and `protocol` are pure, the rest does I/O; nothing here writes a row.
"""
