"""What judges the preview: second opinions on its structure, its safety, its price, and what changes under a reader's
eyes. They share no rule with the code they judge.
"""
