"""Models: feature rows and matured outcomes become a calibrated model that has passed its gates."""
