"""Documents on a terminal, for the commands. It changes nothing: what a command does is `control`'s. I/O."""
