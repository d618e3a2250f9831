"""The shipped fake: a provider that needs neither network nor model. Pure but for the sleep it is given."""
