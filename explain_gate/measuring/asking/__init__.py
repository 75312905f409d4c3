"""What a metric may ask of a model and its regression set."""
