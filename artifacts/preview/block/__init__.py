"""The blocks of a Markdown document: lines in, a tree of blocks out. Pure; inline markup is not its business."""
