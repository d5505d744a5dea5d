//! How wide a table is, and from where on it is drawn in another way.

/// Columns of a report that goes to no terminal.
pub const DEFAULT_WIDTH: u16 = 120;

/// No terminal is taken to be narrower: nothing useful fits there.
pub const LEAST_WIDTH: u16 = 40;

/// Below this the facts of a card stand under what happened, not beside it.
pub const NARROW: u16 = 64;

/// From here on findings are rows.
pub const WIDE: u16 = 160;

/// An instant: `2026-11-23T20:17:00Z`.
pub const TIME_WIDTH: u16 = 20;
