"""What the command line can do with documents: each file reads its arguments and calls one verb or one worker. What
others need as well does not belong here. I/O.
"""
