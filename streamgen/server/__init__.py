"""What surrounds the application in a server process: its beginning and end, and bounds on what comes in. It knows no
document. I/O.
"""
