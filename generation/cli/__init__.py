"""Documents on a terminal, for the commands. I/O: it reads the database and writes to the terminal."""
