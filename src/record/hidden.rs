//! Values that AWS leaves out of a record on purpose, and what stands in their place.
//!
//! What must stay true: a hidden value is not known. It is neither absent, nor this text, nor whatever
//! was there before.

use super::json::Json;

/// What stands in the place of a value that AWS hides.
pub const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// Whether AWS hides the value.
pub fn is_hidden(value: Json<'_>) -> bool {
    value.inner_str().is_some_and(is_hidden_text)
}

/// Whether the text stands in the place of a hidden value.
pub fn is_hidden_text(text: &str) -> bool {
    text.trim() == HIDDEN
}
