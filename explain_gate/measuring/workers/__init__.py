"""Who measures: processes of this machine or workers of a Ray cluster."""
