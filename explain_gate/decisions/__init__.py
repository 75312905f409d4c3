"""What people found of maps: one small file a decision, in `reviews/` beside thresholds.yaml."""
