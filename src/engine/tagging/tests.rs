//! The slow, obvious twin.
