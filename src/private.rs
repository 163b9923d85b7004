//! Files with secrets that only their owner may read, whatever the folder, the umask or their previous mode.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

const OWNERS: u32 = 0o600;
const OTHERS: u32 = 0o077;

/// Writes a new file and makes it durable: it is complete, or it does not exist.
///
/// # Errors
/// If the file already exists or cannot be written.
pub fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut out = tempfile::NamedTempFile::new_in(folder)?;
    out.write_all(bytes)?;
    out.as_file().sync_all()?;
    out.persist_noclobber(file).map_err(|e| e.error)?;
    fs::File::open(folder)?.sync_all()
}

pub fn read(file: &Path) -> io::Result<String> {
    close(file);
    fs::read_to_string(file)
}

/// Creates an empty file if it does not exist. An existing one is not opened: closing it would release SQLite's locks
/// on it.
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

/// Opens a file for appending; creates it if it does not exist.
pub fn append(file: &Path) -> io::Result<fs::File> {
    close(file);
    OpenOptions::new().create(true).append(true).mode(OWNERS).open(file)
}

/// Takes away everybody's access but the owner's. If only somebody else can do that, logs it.
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
