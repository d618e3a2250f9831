"""What the scripts of the benchmark share: the product, its endpoint, viewers, references, and reports."""
