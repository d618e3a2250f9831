"""What an operator has to know of this process: what of its surroundings is away, and since when. No document's verb
belongs here. I/O.
"""
