"""What a text leaves open where it ends, for every reader of Markdown, and what closes it. Pure."""
