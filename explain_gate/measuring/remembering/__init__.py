"""What was measured before, under keys of everything that a number depends on."""
