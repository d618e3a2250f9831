"""Documents in the templates of any project. I/O."""
