"""What writing has to know of Markdown: fences, and where in a text its end stands. How text is shown is the
preview's. Pure.
"""
