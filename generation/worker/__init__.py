"""What awaits: claims tasks, runs them side by side, writes what comes, and leaves in order. I/O; what a text
should be is `writing` to say.
"""
