//! How many connections the limit on open files allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Reserved for the databases, the listeners and files.
const OTHERS: u64 = 256;

/// Raises the limit on open files to what `connections` need, as far as permitted; returns how many connections it
/// allows.
pub fn allow(connections: usize) -> usize {
    let needed = connections as u64 + OTHERS;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        let raised = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
        if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit }) {
            tracing::warn!(%error, "the limit of open files could not be raised");
        }
    }
    let current = getrlimit(Resource::Nofile).current;
    let allowed = fitting(connections, current);
    if allowed < connections {
        tracing::warn!(
            connections,
            allowed,
            open_files = current,
            "the limit of open files allows fewer connections than setting connections-max"
        );
    }
    allowed
}

fn fitting(connections: usize, open_files: Option<u64>) -> usize {
    let room = open_files.map_or(u64::MAX, |files| files.saturating_sub(OTHERS).max(files / 2));
    connections.min(usize::try_from(room).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_descriptors_allow_fewer_connections() {
        assert_eq!(fitting(16_384, None), 16_384);
        assert_eq!(fitting(16_384, Some(1 << 20)), 16_384);
        assert_eq!(fitting(16_384, Some(1_024)), 768);
        assert_eq!(fitting(16_384, Some(256)), 128);
    }
}
