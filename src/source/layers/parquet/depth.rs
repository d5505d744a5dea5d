//! Whether the schema in a footer is shallow enough to be read by functions that call themselves.
//!
//! The library builds the tree of columns by recursion, as deep as a file says. A stack that overflows
//! ends the program, and nothing contains that. So the list of columns is looked at here first: each
//! has a number of children, and no more.
//!
//! Sources: Apache Thrift, "Thrift Compact protocol encoding"; parquet.thrift, `FileMetaData`.

/// The deepest schema. Those of OCSF have some ten levels.
const DEEPEST: usize = 64;

/// The deepest value beside the schema.
const SKIPPED: usize = 32;

/// `FileMetaData.schema`, and `SchemaElement.num_children` in it.
const SCHEMA: i64 = 2;
const CHILDREN: i64 = 5;

/// Types of the compact protocol.
const I32: u8 = 5;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// Whether the schema in this footer is whole and not too deep.
pub(super) fn is_bounded(footer: &[u8]) -> bool {
    schema(&mut Bytes(footer)).unwrap_or(false)
}

/// `None` if the bytes are no footer.
fn schema(bytes: &mut Bytes<'_>) -> Option<bool> {
    let mut field = 0;
    while let Some(kind) = bytes.field(&mut field)? {
        if (field, kind) == (SCHEMA, LIST) {
            return columns(bytes);
        }
        bytes.skip(kind, SKIPPED)?;
    }
    None
}

/// Goes through the columns, depth first as they are listed.
fn columns(bytes: &mut Bytes<'_>) -> Option<bool> {
    let (count, kind) = bytes.list()?;
    // How many children each group that is open still has.
    let mut open: Vec<u64> = Vec::new();
    for _ in 0..count {
        if kind != STRUCT {
            return None;
        }
        let (mut field, mut children) = (0, 0);
        while let Some(kind) = bytes.field(&mut field)? {
            match (field, kind) {
                (CHILDREN, I32) => children = u64::try_from(bytes.signed()?).ok()?,
                _ => bytes.skip(kind, SKIPPED)?,
            }
        }
        if let Some(last) = open.last_mut() {
            *last -= 1;
        }
        if children > 0 {
            open.push(children);
        }
        while open.last() == Some(&0) {
            open.pop();
        }
        if open.len() > DEEPEST {
            return Some(false);
        }
    }
    Some(open.is_empty())
}

/// What is left of a footer.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn pass(&mut self, len: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(len).ok()?..)?;
        Some(())
    }

    fn unsigned(&mut self) -> Option<u64> {
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

    /// The type of the next field, whose number follows from that of the last; `None` inside at the
    /// end of a struct.
    fn field(&mut self, field: &mut i64) -> Option<Option<u8>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        *field = match head >> 4 {
            0 => self.signed()?,
            more => field.checked_add(i64::from(more))?,
        };
        Some(Some(head & 0xf))
    }

    /// How many elements a list has, and their type.
    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = if head >> 4 == 0xf { self.unsigned()? } else { u64::from(head >> 4) };
        // Each takes a byte at least.
        (count <= self.0.len() as u64).then_some((count, head & 0xf))
    }

    /// Passes over a value, up to so many levels deep.
    fn skip(&mut self, kind: u8, deep: usize) -> Option<()> {
        let deeper = deep.checked_sub(1)?;
        match kind {
            // In a list a truth value takes a byte; as a field it is its type.
            1 | 2 => Some(()),
            3 => self.pass(1),
            4..=6 => self.unsigned().map(|_| ()),
            7 => self.pass(8),
            8 => self.unsigned().and_then(|len| self.pass(len)),
            9 | 10 => {
                let (count, kind) = self.list()?;
                match kind {
                    1 | 2 => self.pass(count),
                    _ => (0..count).try_for_each(|_| self.skip(kind, deeper)),
                }
            }
            11 => {
                let count = self.unsigned()?;
                if count == 0 {
                    return Some(());
                }
                let kinds = self.byte().filter(|_| count <= self.0.len() as u64)?;
                (0..count).try_for_each(|_| {
                    self.skip(kinds >> 4, deeper)?;
                    self.skip(kinds & 0xf, deeper)
                })
            }
            12 => {
                let mut field = 0;
                while let Some(kind) = self.field(&mut field)? {
                    self.skip(kind, deeper)?;
                }
                Some(())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A footer whose schema has these numbers of children.
    fn footer(children: &[u8]) -> Vec<u8> {
        // Field 1, the version; field 2, a list of structs with a length of its own.
        let mut footer = vec![0x15, 2, 0x19, 0xfc];
        footer.extend([0x80 | (children.len() & 0x7f) as u8, (children.len() >> 7) as u8]);
        for children in children {
            // A name, and how many children.
            footer.extend([0x48, 1, b'c', 0x15, children * 2, 0]);
        }
        footer.push(0);
        footer
    }

    #[test]
    fn deep_schemas_are_told() {
        assert!(is_bounded(&footer(&[2, 1, 0, 0])));
        let deep = |levels: usize| [vec![1; levels], vec![0]].concat();
        assert!(is_bounded(&footer(&deep(DEEPEST))));
        assert!(!is_bounded(&footer(&deep(DEEPEST + 1))));
        assert!(!is_bounded(&footer(&deep(9_999))));
        // Fewer columns than it says, or more.
        assert!(!is_bounded(&footer(&[2, 0])));
        let whole = footer(&[2, 1, 0, 0]);
        assert!((0..whole.len() - 1).all(|len| !is_bounded(&whole[..len])));
    }
}
