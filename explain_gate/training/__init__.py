"""While a model trains: its attribution metrics every few epochs."""
