"""Second stage: records in, records out; no torch, no files, no clock."""
