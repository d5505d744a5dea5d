//! Correlations against a slow, obvious twin.
