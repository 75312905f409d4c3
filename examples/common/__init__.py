"""What the stories share: training a small network, and gating two versions of it."""
