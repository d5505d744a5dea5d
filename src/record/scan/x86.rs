//! Classifying 64 bytes with AVX2 or AVX-512, chosen when the program starts.
//!
//! The only unsafe code of the record reader, here because it was measured: the portable
//! classifier takes several times as long as inflating the same bytes does. Everything that
//! decides is in the safe [`Machine`]; these functions only turn bytes into masks.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::blocks::Machine;
use super::lanes::Lanes;
use super::marks::{Index, Verdict};
use super::masks::Masks;
use super::tape::{Fill, Tape};

/// As [`super::Scan`].
type Scan = fn(&[u8], &mut Index) -> Option<(usize, Verdict)>;

/// The fastest scan that this processor has.
pub(super) fn detect() -> Option<Scan> {
    all().pop().map(|(_, scan)| scan)
}

/// Every scan that this processor has, the fastest last.
pub(super) fn all() -> Vec<(&'static str, Scan)> {
    let mut all: Vec<(&'static str, Scan)> = Vec::new();
    let bits = is_x86_feature_detected!("pclmulqdq")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("lzcnt");
    if bits && is_x86_feature_detected!("avx2") {
        // SAFETY: the features that `scan_avx2` needs were just detected.
        all.push(("avx2", |text, index| unsafe { scan_avx2(text, index) }));
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
            // SAFETY: as above, with AVX-512.
            all.push(("avx512", |text, index| unsafe { scan_avx512(text, index) }));
        }
    }
    all
}

macro_rules! scan_with {
    ($name:ident, $features:literal, $classify:ident) => {
        #[target_feature(enable = $features)]
        fn $name(text: &[u8], index: &mut Index) -> Option<(usize, Verdict)> {
            let mut machine = Machine::new(text, index);
            let (blocks, _) = text.as_chunks::<64>();
            for block in blocks {
                machine.make_room();
                if let Some(end) =
                    machine.step(block, &$classify(block), |bits| prefix_xor(bits), check)
                {
                    return Some(end);
                }
            }
            machine.last(|block| $classify(block), |bits| prefix_xor(bits), check)
        }
    };
}

/// The fastest way to fill a tape that this processor has.
pub(super) fn detect_fill() -> Option<Fill> {
    all_fills().pop()
}

/// Every way to fill a tape that this processor has, the fastest last.
pub(super) fn all_fills() -> Vec<Fill> {
    let mut all: Vec<Fill> = Vec::new();
    let bits = is_x86_feature_detected!("pclmulqdq")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("lzcnt");
    if bits && is_x86_feature_detected!("avx2") {
        // SAFETY: the features that `fill_avx2` needs were just detected.
        all.push(|text, tape| unsafe { fill_avx2(text, tape) });
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
            // SAFETY: as above, with AVX-512.
            all.push(|text, tape| unsafe { fill_avx512(text, tape) });
        }
    }
    all
}

macro_rules! fill_with {
    ($name:ident, $features:literal, $classify:ident) => {
        #[target_feature(enable = $features)]
        fn $name(text: &[u8], tape: &mut Tape) {
            tape.fill(text, |block| $classify(block), |bits| prefix_xor(bits));
        }
    };
}

fill_with!(fill_avx2, "avx2,pclmulqdq,bmi1,lzcnt", classify_avx2);
fill_with!(fill_avx512, "avx512f,avx512bw,avx2,pclmulqdq,bmi1,lzcnt", classify_avx512);

scan_with!(scan_avx2, "avx2,pclmulqdq,bmi1,lzcnt", classify_avx2);
scan_with!(scan_avx512, "avx512f,avx512bw,avx2,pclmulqdq,bmi1,lzcnt", classify_avx512);

/// [`Lanes::check`] with AVX2. Not with AVX-512: a lane's neighbour lies across a cache line from
/// it in every second vector of 32 bytes, and in every vector of 64.
fn check(lanes: &mut Lanes, text: &[u8], base: usize, valid: u64) -> u64 {
    #[target_feature(enable = "avx2,bmi1,lzcnt")]
    #[inline(never)]
    fn check_avx2(lanes: &mut Lanes, text: &[u8], base: usize, valid: u64) -> u64 {
        lanes.check(text, base, valid)
    }
    // SAFETY: only scans that [`all`] has detected the features for come here.
    unsafe { check_avx2(lanes, text, base, valid) }
}

/// [`super::masks::prefix_xor`] as one carry-less multiplication by all ones.
#[target_feature(enable = "pclmulqdq")]
#[inline]
fn prefix_xor(bits: u64) -> u64 {
    let product =
        _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits.cast_signed()), _mm_set1_epi8(-1));
    _mm_cvtsi128_si64(product).cast_unsigned()
}

#[target_feature(enable = "avx2")]
#[inline]
fn classify_avx2(block: &[u8; 64]) -> Masks {
    // SAFETY: the block is 64 readable bytes, and the loads need no alignment.
    let (low, high) = unsafe {
        (
            _mm256_loadu_si256(block.as_ptr().cast()),
            _mm256_loadu_si256(block.as_ptr().add(32).cast()),
        )
    };
    let join = |a: __m256i, b: __m256i| {
        u64::from(_mm256_movemask_epi8(a).cast_unsigned())
            | u64::from(_mm256_movemask_epi8(b).cast_unsigned()) << 32
    };
    let is = |byte: u8, a: __m256i, b: __m256i| {
        let byte = _mm256_set1_epi8(byte.cast_signed());
        join(_mm256_cmpeq_epi8(a, byte), _mm256_cmpeq_epi8(b, byte))
    };
    let is_control = |v: __m256i| _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1f)), v);
    // `[` and `{`, `]` and `}` differ in one bit.
    let bit = _mm256_set1_epi8(0x20);
    let (low_or, high_or) = (_mm256_or_si256(low, bit), _mm256_or_si256(high, bit));
    Masks {
        quote: is(b'"', low, high),
        backslash: is(b'\\', low, high),
        open: is(b'{', low_or, high_or),
        brace: is(b'{', low, high),
        close: is(b'}', low_or, high_or),
        colon: is(b':', low, high),
        comma: is(b',', low, high),
        control: join(is_control(low), is_control(high)),
        space: is(b' ', low, high),
        high: join(low, high),
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn classify_avx512(block: &[u8; 64]) -> Masks {
    // SAFETY: the block is 64 readable bytes, and the load needs no alignment.
    let v = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
    let is = |byte: u8, v: __m512i| _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(byte.cast_signed()));
    // `[` and `{`, `]` and `}` differ in one bit.
    let bracket = _mm512_or_si512(v, _mm512_set1_epi8(0x20));
    Masks {
        quote: is(b'"', v),
        backslash: is(b'\\', v),
        open: is(b'{', bracket),
        brace: is(b'{', v),
        close: is(b'}', bracket),
        colon: is(b':', v),
        comma: is(b',', v),
        control: _mm512_cmplt_epu8_mask(v, _mm512_set1_epi8(0x20)),
        space: is(b' ', v),
        high: _mm512_movepi8_mask(v),
    }
}
