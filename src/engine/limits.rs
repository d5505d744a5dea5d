//! How much the engine holds at once. None of these limits the input.

/// Sizes that bound memory. The defaults keep a scan with two workers below 200 MB.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest record that is read, in bytes.
    pub max_record: usize,
    /// How many identifiers a worker holds before they go to a temporary file.
    pub facts: usize,
    /// How many notes for rules over many records a worker holds before they go to a temporary
    /// file.
    pub notes: usize,
    /// How many notes of one group a rule over many records decides over at once.
    pub window: usize,
    /// How many tag changes are held; of more, what they are about becomes unknown.
    pub tags: usize,
    /// How many identifiers a live report holds before they go to a temporary file.
    pub seen: usize,
    /// How many problems of one blob are listed; the others are counted.
    pub problems_per_blob: u64,
    /// How many problems are listed in all; the others are counted.
    pub problems: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_record: 64 << 20, // 64 MiB
            facts: 384 << 10,     // 21 MiB at 56 bytes each
            notes: 128 << 10,     // 24 MiB at 184 bytes each
            window: 1 << 17,
            tags: 1 << 20, // some 300 bytes each, where there are any
            seen: 1 << 20, // 32 MiB at 32 bytes each
            problems_per_blob: 20,
            problems: 10_000,
        }
    }
}
