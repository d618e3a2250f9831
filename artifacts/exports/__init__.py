"""Documents as files for other programs: Word and PDF out of the HTML that the page shows, made in a process of its own
with bounds. It knows no row. I/O but for `properties`, `tree` and `typst_source`.
"""
