//! Files with secrets, which only their owner may read: whatever the folder, the umask, or the mode that they had.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

const OWNERS: u32 = 0o600;
const OTHERS: u32 = 0o077;

/// Writes a new file and makes it durable: it is whole, or it is not there.
///
/// # Errors
/// When the file exists already or cannot be written.
pub fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut out = tempfile::NamedTempFile::new_in(folder)?;
    out.write_all(bytes)?;
    out.as_file().sync_all()?;
    out.persist_noclobber(file).map_err(|e| e.error)?;
    fs::File::open(folder)?.sync_all()
}

/// Reads a file.
///
/// # Errors
/// When it cannot be read.
pub fn read(file: &Path) -> io::Result<String> {
    close(file);
    fs::read_to_string(file)
}

/// Makes an empty file where there is none. One that is there is not opened: closing it would let go of the locks
/// that SQLite has on it.
///
/// # Errors
/// When it cannot be made.
pub fn make(file: &Path) -> io::Result<()> {
    match OpenOptions::new().create_new(true).write(true).mode(OWNERS).open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            close(file);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Opens a file to write at its end, and makes it where there is none.
///
/// # Errors
/// When it cannot be written.
pub fn append(file: &Path) -> io::Result<fs::File> {
    close(file);
    OpenOptions::new().create(true).append(true).mode(OWNERS).open(file)
}

/// Closes a file to all but its owner. Where only somebody else may do that, the log says so.
pub fn close(file: &Path) {
    let Ok(found) = fs::metadata(file) else { return };
    let mode = found.permissions().mode();
    if !found.is_file() || mode & OTHERS == 0 {
        return;
    }
    if let Err(error) = fs::set_permissions(file, Permissions::from_mode(mode & OWNERS)) {
        tracing::warn!(%error, file = %file.display(), "others may read a file with secrets");
    }
}
