"""What is broken, a file a kind: a scenario breaks something while documents are written, and says what must hold."""
