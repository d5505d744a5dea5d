//! Entries of the dictionary as bytes: members, one after the other.
//!
//! What must stay true: what is not there reads as nothing, so that entries of earlier versions, which
//! have fewer members, stay readable.

/// Writes the members of an entry, one after the other.
pub struct Writer<'a>(pub &'a mut Vec<u8>);

impl Writer<'_> {
    /// A text or none: its length and one, in four bytes, and the text.
    pub fn text(&mut self, text: Option<&str>) -> &mut Self {
        let text = text.map(|text| &text[..text.floor_char_boundary(TEXT_MAX)]);
        let len = text.map_or(0, |text| text.len() + 1);
        self.0.extend(u32::try_from(len).unwrap_or_default().to_le_bytes());
        self.0.extend_from_slice(text.unwrap_or_default().as_bytes());
        self
    }

    /// A small number.
    pub fn number(&mut self, number: u32) -> &mut Self {
        self.0.extend(number.to_le_bytes());
        self
    }
}

/// No text of an entry is longer; the rest is cut (1 MiB).
const TEXT_MAX: usize = 1 << 20;

/// Reads them back. What is not there reads as nothing.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// A small number.
    pub fn number(&mut self) -> u32 {
        let Some((number, rest)) = self.0.split_first_chunk::<4>() else { return 0 };
        self.0 = rest;
        u32::from_le_bytes(*number)
    }

    /// A text or none.
    pub fn text(&mut self) -> Option<&'a str> {
        let len = self.number().checked_sub(1)? as usize;
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    /// The same, to keep.
    pub fn owned(&mut self) -> Option<String> {
        self.text().map(str::to_owned)
    }
}
