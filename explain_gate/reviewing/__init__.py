"""The local page on which people judge maps: what it asks first, what it keeps, and the server behind it."""
