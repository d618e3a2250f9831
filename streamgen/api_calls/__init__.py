"""What holds for every call of the API, whichever it is: its document, its tags, commands that come twice; and the
pages that explain it. It knows no call. I/O but for `json_bodies`.
"""
