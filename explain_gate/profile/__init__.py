"""The profile folder: what was measured, written while measuring and read back whole."""
