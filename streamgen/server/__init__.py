"""What surrounds the application in a server process: its beginning and end, and bounds on what comes in. I/O."""
