"""Forms, views and API calls by which people have documents written: each reads its body and calls one verb of
`control`.
"""
