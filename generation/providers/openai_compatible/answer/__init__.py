"""What an endpoint says in an answer: its bytes in, the text and the finish out. It asks nobody anything. Pure."""
