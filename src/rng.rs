//! Randomness as a parameter: the operating system's, or seeded in tests.

use std::sync::{Arc, Mutex};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, SeedableRng as _, TryRng as _};

/// Where random bytes come from.
#[derive(Clone)]
pub enum Rng {
    System,
    Seeded(Arc<Mutex<StdRng>>),
}

impl Rng {
    /// The same bytes in each run, for tests.
    #[must_use]
    pub fn seeded(seed: u64) -> Rng {
        Rng::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Random bytes.
    ///
    /// # Panics
    /// If the operating system has none: going on would create guessable secrets.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        match self {
            Rng::System => SysRng.try_fill_bytes(&mut out).expect("the operating system gives random bytes"),
            Rng::Seeded(rng) => {
                rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(&mut out);
            }
        }
        out
    }
}
