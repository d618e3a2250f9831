"""What writing has to know of Markdown: fences, and where in a text its end stands. Pure; what is shown is the
preview's.
"""
