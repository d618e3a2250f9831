"""What templates may ask of the writing of documents: each tag reads, none writes. I/O."""
