"""Which Switchyard this is."""

VERSION = "0.1.0"
"""As pyproject.toml says, which is not in the image."""
