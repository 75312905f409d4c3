"""Third stage: every file a run leaves behind, written from records alone; never sees torch."""
