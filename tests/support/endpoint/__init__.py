"""Endpoints on real sockets that talk as tests tell them."""
