"""What writing costs: the price list, the meter of a run, budgets, estimates, and what was spent. It starts and stops
nothing. I/O but for `meter`, `prices` and `section_tokens`.
"""
