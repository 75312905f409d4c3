"""Surfaces that are text: terminal, job summary, JUnit, OpenMetrics, annotations, verdict.json."""
