"""What is stored of documents, who may see it, and how it reaches a viewer: here Django's own places, the permission
gate and the broadcaster; the rest in rooms. It knows no language model. I/O but for `answer_place`, `costs`,
`errors`, `planned_section` and `validation`.
"""
