"""The rules of the house, read from the source. `house` declares them, `source` reads the code, the tests compare."""
