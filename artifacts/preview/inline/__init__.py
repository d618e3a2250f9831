"""What stands within a block: text in, tokens out. Pure; it builds no HTML and knows no blocks."""
