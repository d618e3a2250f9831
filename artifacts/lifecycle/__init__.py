"""The only writer of a document's streaming fields: `commands` of people, `writing` of its writer, both by way of the
locked row in `rows`; and what is read back, its `state` and its `text`. It sends no message and knows no
viewer. I/O.
"""
