"""The only writer of a document's streaming fields: `commands` of people, `writing` of its writer, both by way of the
locked row in `rows`; and the `state` that is read back. It sends no message and knows no
viewer. I/O.
"""
