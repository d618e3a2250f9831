"""What stands within a block: text in, tokens out. It builds no HTML and no blocks. Pure."""
