"""Documents in the templates of any project. I/O: they look for the document."""
