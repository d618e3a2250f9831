"""Texts for the tests of the preview: real, hostile, dear, half open, or made at random. Data; they judge nothing."""
