"""Documents as chat clients and agents have them."""
