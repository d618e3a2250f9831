"""The blocks of a Markdown document: lines in, a tree of blocks out. What stands within a block is `inline`'s. Pure."""
