//! Habits in a state.

use std::io::{self, Read, Write};

use super::words::{read_bytes, word, write_bytes};
use crate::model::days::{Day, Days};
use crate::model::memory::Habit;

/// Writes a habit.
///
/// # Errors
/// Those of `out`.
pub fn write_habit(out: &mut impl Write, habit: &Habit) -> io::Result<()> {
    let Habit { of: [a, b], value, days, last } = habit;
    [*a, *b, days.to_number()].iter().try_for_each(|word| out.write_all(&word.to_le_bytes()))?;
    out.write_all(&last.to_number().to_le_bytes())?;
    write_bytes(out, value.as_bytes())
}

/// Reads one.
///
/// # Errors
/// Those of `from`.
pub fn habit(from: &mut impl Read) -> io::Result<Habit> {
    let of = [word(from)?, word(from)?];
    let days = Days::from_number(word(from)?);
    let mut last = [0; 2];
    from.read_exact(&mut last)?;
    let last = Day::from_number(u16::from_le_bytes(last));
    let value = String::from_utf8(read_bytes(from)?);
    let value = value.map_err(|_| io::Error::other("a habit is no text"))?;
    Ok(Habit { of, value, days, last })
}
