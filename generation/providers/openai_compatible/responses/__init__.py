"""Answers that the endpoint keeps (the Responses API). What of them is committed is `writing`'s to say. Pure but for
`kept_calls`.
"""
