"""Models: one door, from a source and a checkpoint to a model under test."""
