"""Measuring: devices, batches, stages. The only package that asks the model anything."""
