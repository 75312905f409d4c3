"""Annotations: one module a format, one reader for all of them."""
