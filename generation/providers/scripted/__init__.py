"""The shipped fake: a provider that needs neither network nor model, and sleeps only as it is told. Pure."""
