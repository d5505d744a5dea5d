//! Thrift as Parquet has it, read strictly: every known field has the one type that the format gives it.
//!
//! The library tells a field by its number and reads whatever type it should have. A file can say another
//! type, and whoever believes that goes on at another byte. So what is looked at before the library reads
//! it is refused unless both must read it alike. What must stay true: a value that is taken here is the
//! one that the library takes.
//!
//! Sources: Apache Thrift, "Thrift Compact protocol encoding"; parquet.thrift.

/// The deepest value of a field that is not known.
const SKIPPED: usize = 32;

/// What a known field is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Is {
    Flag,
    Byte,
    I32,
    I64,
    Binary,
    Struct(&'static [(i16, Is)]),
}

/// Types of the compact protocol.
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

impl Is {
    fn has(self, kind: u8) -> bool {
        match self {
            Is::Flag => matches!(kind, 1 | 2),
            Is::Byte => kind == 3,
            Is::I32 => kind == 5,
            Is::I64 => kind == 6,
            Is::Binary => kind == 8,
            Is::Struct(_) => kind == STRUCT,
        }
    }
}

/// Bytes that are read from the front.
pub(super) struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    /// Reads a struct, and shows the number and value of each of its own fields that is an `I32`; `None` if
    /// it is not one of these fields, each at most once and in their order.
    pub fn strict(&mut self, fields: &[(i16, Is)], each: &mut dyn FnMut(i16, i32)) -> Option<()> {
        let mut field = 0;
        while let Some(kind) = self.field(&mut field)? {
            let Some((_, is)) = fields.iter().find(|(known, _)| *known == field) else {
                self.skip(kind, SKIPPED)?;
                continue;
            };
            match is {
                is if !is.has(kind) => return None,
                Is::I32 => each(field, i32::try_from(self.signed()?).ok()?),
                Is::Struct(fields) => self.strict(fields, &mut |_, _| {})?,
                _ => self.skip(kind, SKIPPED)?,
            }
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn pass(&mut self, len: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(len).ok()?..)?;
        Some(())
    }

    /// A number without a sign, of any length that a writer uses.
    pub fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// The type of the next field, and its number, which is larger than that of the last; `None` inside at
    /// the end of a struct. A number is spelt out only if it is more than 15 larger, as writers do.
    pub fn field(&mut self, field: &mut i16) -> Option<Option<u8>> {
        let head = self.byte()?;
        if head & 0xf == 0 {
            return Some(None);
        }
        let next = match head >> 4 {
            0 => i16::try_from(self.signed()?).ok().filter(|next| *next > field.saturating_add(15)),
            more => field.checked_add(i16::from(more)),
        };
        *field = next?;
        Some(Some(head & 0xf))
    }

    /// How many elements a list has, and their type.
    pub fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = if head >> 4 == 0xf { self.unsigned()? } else { u64::from(head >> 4) };
        // Each takes a byte at least.
        (count <= self.0.len() as u64).then_some((count, head & 0xf))
    }

    /// Passes over the rest of a struct of which `field` was the last; `None` if it is not whole.
    pub fn rest(&mut self, field: &mut i16) -> Option<()> {
        while let Some(kind) = self.field(field)? {
            self.skip(kind, SKIPPED)?;
        }
        Some(())
    }

    /// Passes over a value, up to so many levels deep.
    fn skip(&mut self, kind: u8, deep: usize) -> Option<()> {
        let deeper = deep.checked_sub(1)?;
        match kind {
            // As a field a truth value is its type.
            1 | 2 => Some(()),
            3 => self.pass(1),
            4..=6 => self.unsigned().map(|_| ()),
            7 => self.pass(8),
            8 => self.unsigned().and_then(|len| self.pass(len)),
            9 | 10 => {
                let (count, kind) = self.list()?;
                // A truth value in a list may be taken to have a byte, or none.
                match kind {
                    1 | 2 => None,
                    _ => (0..count).try_for_each(|_| self.skip(kind, deeper)),
                }
            }
            11 => {
                let count = self.unsigned()?;
                if count == 0 {
                    return Some(());
                }
                let kinds = self.byte().filter(|_| count <= self.0.len() as u64)?;
                if [kinds >> 4, kinds & 0xf].iter().any(|kind| matches!(kind, 1 | 2)) {
                    return None;
                }
                (0..count).try_for_each(|_| {
                    self.skip(kinds >> 4, deeper)?;
                    self.skip(kinds & 0xf, deeper)
                })
            }
            12 => loop {
                let head = self.byte()?;
                if head & 0xf == 0 {
                    return Some(());
                }
                if head >> 4 == 0 {
                    self.unsigned()?;
                }
                self.skip(head & 0xf, deeper)?;
            },
            _ => None,
        }
    }
}
