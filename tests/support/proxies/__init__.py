"""Real proxies in front of the product, with the examples of `deploy`; only ports and files are others."""
