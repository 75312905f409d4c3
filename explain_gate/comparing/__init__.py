"""Profiles beside each other: pairs, whole profiles, versions over time."""
