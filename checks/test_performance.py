"""Performance: the model is right at all."""


def test_accuracy(check):
    """Predictions are annotated classes."""
    check("performance.accuracy")


def test_balanced_accuracy(check):
    """It is right in every class, the small ones too."""
    check("performance.balanced_accuracy")


def test_false_alarms(check):
    """It says nothing of a picture that the picture does not show."""
    check("performance.false_alarms")


def test_latency_ratio(check):
    """Explaining costs no more passes than agreed."""
    check("performance.latency_ratio")
