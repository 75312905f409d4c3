"""First stage: the only one that touches a model; model and regression set in, profile out."""
