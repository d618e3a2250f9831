"""Any OpenAI-compatible endpoint; the only room that knows the wire. It knows no sections and no documents. Pure but
for `client`, `connections`, `heaps`, `network` and `model_list`.
"""
