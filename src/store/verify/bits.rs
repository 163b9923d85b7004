//! Sets of nearly dense ids: one bit each, so that fifty million take six megabytes.

use std::collections::BTreeMap;

const BLOCK_BITS: i64 = 1 << 16;

#[derive(Default)]
pub struct Bits(BTreeMap<i64, Box<[u64]>>);

impl Bits {
    /// Adds one; returns whether it was present.
    pub fn set(&mut self, n: i64) -> bool {
        let block = self
            .0
            .entry(n.div_euclid(BLOCK_BITS))
            .or_insert_with(|| vec![0; BLOCK_BITS as usize / 64].into_boxed_slice());
        let (word, bit) = place(n);
        let was_present = block[word] & bit != 0;
        block[word] |= bit;
        was_present
    }

    #[must_use]
    pub fn has(&self, n: i64) -> bool {
        let (word, bit) = place(n);
        self.0.get(&n.div_euclid(BLOCK_BITS)).is_some_and(|block| block[word] & bit != 0)
    }
}

fn place(n: i64) -> (usize, u64) {
    let n = n.rem_euclid(BLOCK_BITS) as usize;
    (n / 64, 1 << (n % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_bits_that_were_set_are_set() {
        let mut bits = Bits::default();
        for n in [0, 63, 64, 65_535, 65_536, 1 << 53, -1] {
            assert!(!bits.has(n) && !bits.set(n) && bits.set(n) && bits.has(n), "{n}");
        }
        assert!(!bits.has(1) && !bits.has(65_537));
    }
}
