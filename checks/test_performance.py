"""Performance: the model is right at all."""


def test_accuracy(check):
    """Predictions are annotated classes."""
    check("performance.accuracy")
