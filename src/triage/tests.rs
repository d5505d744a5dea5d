//! Suppressions and baselines against invented findings.
