//! How much of what a finding has to say there is room for.

/// How much there is room for where there is a choice.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// The most characters of the value of a field.
    pub value: usize,
    /// The most tags of a resource.
    pub tags: usize,
}

/// As much as the fields take, and less where the whole would be too large.
pub const ROOMS: [Room; 3] =
    [Room { value: 2_048, tags: 50 }, Room { value: 512, tags: 20 }, Room { value: 128, tags: 5 }];
