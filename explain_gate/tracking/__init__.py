"""Gate runs in MLflow: record them, promote what passed, find them again. MLflow is imported inside functions only."""
