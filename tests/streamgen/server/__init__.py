"""Begin and end of a server process, bounds on what comes in."""
