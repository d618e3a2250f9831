"""What awaits: claims tasks, runs them side by side, writes what comes, and leaves in order. What a text should be is
`writing`'s to say. I/O.
"""
