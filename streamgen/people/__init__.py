"""How people come in to this site, and how its staff look after them; other projects have their own ways. I/O."""
