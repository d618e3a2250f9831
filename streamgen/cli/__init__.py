"""Documents of a server elsewhere on a terminal, by the Python client, for the commands. It knows no database. I/O."""
