"""What is published for other people's programs: the codes of errors, the schema of every frame, and AsyncAPI. It says
what holds, and does nothing. Pure.
"""
