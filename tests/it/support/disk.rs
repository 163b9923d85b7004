//! A small disk that tests can fill.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A small tmpfs. Only root can mount it.
pub struct SmallDisk(pub PathBuf);

impl SmallDisk {
    pub fn mount(megabytes: u32) -> Option<SmallDisk> {
        let folder = tempfile::tempdir().unwrap().keep();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&folder).status();
        if mounted.is_ok_and(|s| s.success()) {
            return Some(SmallDisk(folder));
        }
        assert!(std::env::var("CI").is_err(), "a small disk cannot be mounted here");
        eprintln!("SKIPPED: a small disk cannot be mounted here (needs root)");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Writes to a file until the disk is full.
pub fn fill(file: &Path) {
    use std::io::Write as _;
    let mut out = std::fs::File::create(file).unwrap();
    for length in [64 << 10, 4 << 10, 512] {
        while out.write_all(&vec![7; length]).is_ok() {}
    }
}
