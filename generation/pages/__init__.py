"""Forms, views and API calls by which people have documents written: each reads its request and calls one verb of
`control`. What people only read is `artifacts.pages`'s. I/O.
"""
