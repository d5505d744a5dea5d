//! Text in Base64, which may be compressed with gzip: what Kinesis, Firehose and CloudWatch Logs put
//! into their messages.
//!
//! What must stay true: no more text comes out than a record may have, nor more than a bounded
//! number of times what went in.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;

/// How many bytes of text one byte may give, as for files.
const RATIO: usize = 250;

/// How much text is given whatever the ratio (1 MiB).
const FLOOR: usize = 1 << 20;

/// How often gzip may be compressed again.
const LAYERS: usize = 2;

/// The bytes in `data`, or why there are none.
pub fn bytes(data: &str, max: usize) -> Result<Vec<u8>, String> {
    let decoded = STANDARD.decode(data.trim());
    let mut bytes = decoded.map_err(|error| format!("data that is not Base64: {error}"))?;
    let limit = max.min(bytes.len().saturating_mul(RATIO).max(FLOOR));
    for _ in 0..LAYERS {
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            break;
        }
        let mut text = Vec::new();
        let read = MultiGzDecoder::new(&*bytes).take(limit as u64 + 1).read_to_end(&mut text);
        read.map_err(|error| format!("data that gzip cannot inflate: {error}"))?;
        if text.len() > limit {
            return Err(format!("data that inflates to more than {limit} bytes: not read"));
        }
        bytes = text;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn text_comes_out_plain_or_compressed_and_bombs_do_not() {
        let of = |text: &[u8]| bytes(&STANDARD.encode(text), 64 << 20);
        assert_eq!(of(b"{}").unwrap(), b"{}");
        assert_eq!(of(&gzip(b"{}")).unwrap(), b"{}");
        assert_eq!(of(&gzip(&gzip(b"{}"))).unwrap(), b"{}");
        assert!(of(&gzip(&vec![b' '; 4 << 20])).unwrap_err().contains("more than"));
        assert!(bytes("%", 1).unwrap_err().contains("not Base64"));
        assert!(of(&gzip(b"{}")[..12]).unwrap_err().contains("cannot inflate"));
    }
}
