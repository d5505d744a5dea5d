//! What a reader owes the source of a blob: word that it was read.
//!
//! A source gives a token with a blob if it wants to know. The reader keeps the token once the whole
//! blob is in the outcome. When the report is written, the token is settled: it says which blob need
//! not be given again. What must stay true: a token cannot be copied, and dropping one settles
//! nothing. So a blob that was not read whole, or whose report nobody got, is given again.

use super::memory::Id;

/// Stands for a blob that its source wants to hear of. To be settled, or dropped.
#[derive(Debug, PartialEq, Eq)]
pub struct Token(Id);

impl Token {
    /// The token of the blob with that id.
    pub fn new(id: Id) -> Token {
        Token(id)
    }

    /// The id of the blob, which is not settled by that.
    pub fn id(&self) -> Id {
        self.0
    }

    /// Settles it: the id of a blob that is read and reported.
    #[must_use = "the blob is given again unless somebody takes note of its id"]
    pub fn settle(self) -> Id {
        self.0
    }
}
