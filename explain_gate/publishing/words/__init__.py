"""A verdict in words and digits, one wording for every surface."""
