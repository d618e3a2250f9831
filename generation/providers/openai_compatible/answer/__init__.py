"""What an endpoint says in an answer: its bytes in, the text and the finish out. Pure."""
