"""What streamgen costs, each figure beside a reference of the same run; docs/performance.md says how to read them."""
