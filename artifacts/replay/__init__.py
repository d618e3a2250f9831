"""How a document was written, once more: from its deltas, faster than it was, from any point. It feeds viewers as the
live room does, and writes nothing. I/O but for `timeline`.
"""
