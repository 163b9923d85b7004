//! The disk under a SQLite database: its free space, and a ballast. The ballast is a file that is deleted when the disk
//! is full, so that a checkpoint, a start, a backup or the clean-up has the little space it needs. Nothing else is
//! written until the ballast fits again.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

/// The WAL is restarted past this size, or past a quarter of the free space on a small disk.
pub(super) const WAL_BYTES_MAX: u64 = 32 << 20;
const WAL_SHARE: u64 = 4;
const BALLAST_BYTES_MAX: u64 = 16 << 20;
/// The ballast's share of a small disk.
const BALLAST_SHARE: u64 = 8;

/// What a file system reports of itself, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    pub total: u64,
    pub free: u64,
}

/// Measures a file system; `None` if it does not report.
pub type Measure = fn(&Path) -> Option<Capacity>;

/// Measures a folder's file system.
#[must_use]
pub fn capacity(folder: &Path) -> Option<Capacity> {
    let stats = statvfs(folder).ok().filter(|stats| stats.f_blocks > 0)?;
    Some(Capacity { total: stats.f_blocks * stats.f_frsize, free: stats.f_bavail * stats.f_frsize })
}

/// The disk that a folder is on.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    measure: Measure,
    is_full: AtomicBool,
    /// A write found no space, whatever the file system reports: there are quotas.
    has_refused: AtomicBool,
    /// The ballast cannot be created, for another reason than lack of space.
    lacks_ballast: AtomicBool,
}

/// How much space there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    free: u64,
    ballast: u64,
    ballast_wanted: u64,
}

impl Space {
    fn new(capacity: Capacity, ballast: u64) -> Space {
        let ballast_wanted = (capacity.total / BALLAST_SHARE).min(BALLAST_BYTES_MAX);
        Space { free: capacity.free, ballast: ballast.min(ballast_wanted), ballast_wanted }
    }

    /// The space that may be filled: all that is free, minus the ballast.
    pub fn room(self) -> u64 {
        self.free.saturating_add(self.ballast).saturating_sub(self.ballast_wanted)
    }

    /// How long a WAL of this length may become: its content needs as much again in the database file.
    pub fn wal_limit(self, wal: u64) -> u64 {
        (self.room().saturating_add(wal) / WAL_SHARE).min(WAL_BYTES_MAX)
    }

    /// Whether there is too little space to write. A disk that was full needs twice as much, so that it does not flap.
    fn is_full(self, was_full: bool) -> bool {
        self.room() < self.ballast_wanted / if was_full { 1 } else { 2 }
    }
}

impl Disk {
    pub fn new(folder: &Path, measure: Measure) -> Disk {
        let disk = Disk {
            folder: folder.to_owned(),
            measure,
            is_full: AtomicBool::new(false),
            has_refused: AtomicBool::new(false),
            lacks_ballast: AtomicBool::new(false),
        };
        // Opening the databases next needs space.
        if disk.space().is_full(false) {
            disk.set_full(true);
        }
        disk
    }

    /// Whether only writes that free space are allowed.
    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// Records that a write found no space.
    pub fn note_refusal(&self) {
        self.has_refused.store(true, Ordering::Relaxed);
    }

    /// Whether a write found no space since the last call.
    pub fn take_refusal(&self) -> bool {
        self.has_refused.swap(false, Ordering::Relaxed)
    }

    pub fn space(&self) -> Space {
        let capacity = (self.measure)(&self.folder).unwrap_or(Capacity { total: 0, free: u64::MAX });
        Space::new(capacity, fs::metadata(self.ballast()).map_or(0, |file| file.len()))
    }

    /// Judges the disk after a checkpoint, which found space or did not: deletes the ballast, or creates it.
    pub fn judge(&self, has_refused: bool) {
        let (space, was_full) = (self.space(), self.is_full());
        let is_full = has_refused || space.is_full(was_full) || !self.has_ballast(space);
        self.set_full(is_full);
        if space.ballast_wanted > 0 {
            metrics::gauge!("scrip_disk_free_bytes").set(space.free as f64);
        }
        if is_full && !was_full {
            tracing::error!(
                free_bytes = space.free,
                "the disk is full: nothing is written until there is room; reading goes on"
            );
        } else if was_full && !is_full {
            tracing::warn!(free_bytes = space.free, "the disk has room again: writing goes on");
        }
    }

    fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
        if is_full {
            let _ = fs::remove_file(self.ballast());
        }
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("scrip.ballast")
    }

    /// Creates a missing ballast; returns whether there was space for it.
    fn has_ballast(&self, space: Space) -> bool {
        if space.ballast >= space.ballast_wanted || self.lacks_ballast.load(Ordering::Relaxed) {
            return true;
        }
        let Err(error) = allocate(&self.ballast(), space.ballast_wanted) else { return true };
        let _ = fs::remove_file(self.ballast());
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return false;
        }
        tracing::warn!(%error, "the ballast for a full disk cannot be made");
        self.lacks_ballast.store(true, Ordering::Relaxed);
        true
    }
}

/// Creates a file with blocks allocated to it.
fn allocate(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
        // Not every file system supports this.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            io::copy(&mut io::Read::take(io::repeat(0), bytes), &mut file)?;
            file.sync_all()
        }
        allocated => Ok(allocated?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    fn space(total: u64, free: u64, ballast: u64) -> Space {
        Space::new(Capacity { total: total * MB, free: free * MB }, ballast * MB)
    }

    #[test]
    fn the_wal_may_fill_a_quarter_of_the_free_space_up_to_its_maximum() {
        assert_eq!(space(1_000_000, 500_000, 16).wal_limit(0), WAL_BYTES_MAX);
        // The ballast never counts as free space, whether it exists or not.
        assert_eq!(space(24, 19, 3).wal_limit(MB), 5 * MB);
        assert_eq!(space(24, 22, 0).wal_limit(MB), 5 * MB);
        // Without any space, a WAL of any length is too long.
        assert!(space(24, 0, 3).wal_limit(MB) < MB);
        assert!(space(24, 0, 0).wal_limit(MB) < MB);
    }

    #[test]
    fn a_disk_that_was_full_needs_more_free_space_than_one_that_was_not() {
        assert!(!space(24, 2, 3).is_full(false));
        assert!(space(24, 1, 3).is_full(false));
        // Deleting its ballast does not make it less full.
        assert!(space(24, 4, 0).is_full(false));
        assert!(space(24, 5, 0).is_full(true));
        assert!(!space(24, 6, 0).is_full(true));
    }

    #[test]
    fn a_ballast_has_its_blocks_allocated() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path(), |_| Some(Capacity { total: 24 * MB, free: 24 * MB }));
        disk.judge(false);
        let made = fs::metadata(folder.path().join("scrip.ballast")).unwrap();
        assert_eq!(made.len(), 3 * MB);
        assert!(made.blocks() * 512 >= 3 * MB);
        disk.judge(true);
        assert!(disk.is_full() && !disk.ballast().exists());
        disk.judge(false);
        assert!(!disk.is_full() && disk.ballast().exists());
    }
}
