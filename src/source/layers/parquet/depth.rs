//! Whether the schema in a footer is shallow and small enough for the library.
//!
//! The library builds the tree of columns by recursion, as deep as a file says. A stack that overflows
//! ends the program, and nothing contains that. It also sets memory aside for each column. So the list
//! of columns is looked at here first: each has a number of children, and no more. The library takes the
//! first list, which stands behind the version. The rest of the footer is passed over here as the library
//! reads it, so that no list in it says that it goes on for ever.
//!
//! Source: parquet.thrift, `FileMetaData`, `SchemaElement`, `LogicalType`.

use super::thrift::{Bytes, Is, LIST, STRUCT};

/// The deepest schema. Those of OCSF have some ten levels.
const DEEPEST: usize = 64;

/// The most columns, groups included. Those of OCSF are some 400. The library holds some 50 KB for each.
const COLUMNS_MAX: u64 = 2_000;

/// `SchemaElement.num_children`.
const CHILDREN: i16 = 5;

const EMPTY: Is = Is::Struct(&[]);
const UNIT: Is = Is::Struct(&[(1, EMPTY), (2, EMPTY), (3, EMPTY)]);
const TIME: Is = Is::Struct(&[(1, Is::Flag), (2, UNIT)]);

const LOGICAL: Is = Is::Struct(&[
    (1, EMPTY),
    (2, EMPTY),
    (3, EMPTY),
    (4, EMPTY),
    (5, Is::Struct(&[(1, Is::I32), (2, Is::I32)])),
    (6, EMPTY),
    (7, TIME),
    (8, TIME),
    (10, Is::Struct(&[(1, Is::Byte), (2, Is::Flag)])),
    (11, EMPTY),
    (12, EMPTY),
    (13, EMPTY),
    (14, EMPTY),
    (15, EMPTY),
    (16, Is::Struct(&[(1, Is::Byte)])),
    (17, Is::Struct(&[(1, Is::Binary)])),
    (18, Is::Struct(&[(1, Is::Binary), (2, Is::I32)])),
]);

const COLUMN: [(i16, Is); 10] = [
    (1, Is::I32),
    (2, Is::I32),
    (3, Is::I32),
    (4, Is::Binary),
    (CHILDREN, Is::I32),
    (6, Is::I32),
    (7, Is::I32),
    (8, Is::I32),
    (9, Is::I32),
    (10, LOGICAL),
];

/// Whether the schema in this footer is whole, and neither too deep nor too large.
pub(super) fn is_bounded(footer: &[u8]) -> bool {
    schema(&mut Bytes(footer)).unwrap_or(false)
}

/// `None` if the bytes are no footer.
fn schema(bytes: &mut Bytes<'_>) -> Option<bool> {
    let mut field = 0;
    // The version is an I32.
    if bytes.field(&mut field)? != Some(5) || field != 1 {
        return None;
    }
    bytes.unsigned()?;
    match bytes.field(&mut field)? {
        Some(LIST) if field == 2 && columns(bytes)? => {}
        _ => return Some(false),
    }
    // What stands behind it must have an end too, and no list that is longer than the footer.
    bytes.rest(&mut field).map(|()| true)
}

/// Goes through the columns, depth first as they are listed.
fn columns(bytes: &mut Bytes<'_>) -> Option<bool> {
    let (count, kind) = bytes.list()?;
    if kind != STRUCT || count > COLUMNS_MAX {
        return Some(false);
    }
    // How many children each group that is open still has.
    let mut open: Vec<u32> = Vec::new();
    for _ in 0..count {
        let mut children = 0;
        bytes.strict(&COLUMN, &mut |field, value| {
            if field == CHILDREN {
                children = value;
            }
        })?;
        if let Some(last) = open.last_mut() {
            *last -= 1;
        }
        match u32::try_from(children).ok()? {
            0 => {}
            children => open.push(children),
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
        assert!(!is_bounded(&footer(&deep(1_999))));
        // Wide ones too.
        let wide = |columns: u8| {
            let group = [vec![columns], vec![0; columns.into()]].concat();
            [vec![40], group.repeat(40)].concat()
        };
        assert!(is_bounded(&footer(&wide(48))) && !is_bounded(&footer(&wide(50))));
        // Fewer columns than it says, or more.
        assert!(!is_bounded(&footer(&[2, 0])));
        let whole = footer(&[2, 1, 0, 0]);
        assert!((0..whole.len() - 1).all(|len| !is_bounded(&whole[..len])));
    }

    #[test]
    fn a_footer_that_may_be_read_in_another_way_is_not_taken() {
        let whole = footer(&[1, 0]);
        assert!(is_bounded(&whole));
        let with = |at: usize, byte: u8| {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            is_bounded(&bytes)
        };
        // The version as text, the schema as a set, a name as a number, children as another number.
        assert!(!with(0, 0x18) && !with(2, 0x1a) && !with(6, 0x45) && !with(9, 0x16));
        // The number of a field spelt out, or gone back to, though one that is far away is spelt out.
        let spelt = |field: u8| [&whole[..9], &[0x05, field * 2], &whole[10..]].concat();
        assert!(!is_bounded(&spelt(5)) && !is_bounded(&spelt(3)));
        // A column of a logical type whose number is 16.
        let variant = [&whole[..11], &[0x5c, 0x0c, 32, 0x13, 1, 0, 0], &whole[11..]].concat();
        assert!(is_bounded(&variant));
        // Columns in a list that may be taken to have no bytes, and a list without end behind the schema.
        let hidden = [&whole[..11], &[0x69, 0x21, 0x15, 2, 0], &whole[11..]].concat();
        assert!(!is_bounded(&hidden));
        let endless = [&whole[..whole.len() - 1], &[0x19, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07, 0]];
        assert!(!is_bounded(&endless.concat()));
        let further = [&whole[..whole.len() - 1], &[0x16, 2, 0x19, 0x28, 1, b'a', 1, b'b', 0]];
        assert!(is_bounded(&further.concat()));
        // More children than a number of 32 bits has.
        let many = [&whole[..10], &[0x84, 0x80, 0x80, 0x80, 0x20], &whole[11..]].concat();
        assert!(!is_bounded(&many));
    }
}
