"""Documents of a server elsewhere, on a terminal."""
