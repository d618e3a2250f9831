"""Scripts that `make bench` leaves out: they need a real model, or a tool that is not installed with the project."""
