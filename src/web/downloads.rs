//! Files that are read in short steps while they are sent: however long one is, it holds no transaction and no
//! connection between its steps. The number of concurrent files is limited. One whose client is gone is cancelled, one
//! whose client reads nothing is given up, and one that fails is broken off, so that it never looks complete.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::{WebError, WebResult};
use super::state::Portal;
use crate::app::App;
use crate::ops::actor::Actor;
use crate::ops::error::{OpError, OpResult};

/// Rows per step.
pub const STEP: i64 = 500;
/// How many files are sent at once.
pub const AT_ONCE_MAX: usize = 6;
/// How many of them for one person.
pub const OF_PERSON_MAX: usize = 2;
/// How many steps are read at once: one fewer than the connections for exports, and half of the files, so that a step
/// waits for at most one other.
const STEPS_AT_ONCE_MAX: usize = 3;
/// How long an answer waits for the first step, which may refuse; after that, its first bytes are sent.
const FIRST_BYTES_SECONDS: u64 = 1;
/// How long a client may take to read a step.
pub const TAKEN_SECONDS: u64 = 60;
/// When to ask again for a file that there was no place for.
pub const AGAIN_SECONDS: u64 = 20;
/// How many steps are read ahead of sending.
const AHEAD: usize = 1;

/// The files being sent. Clones share them.
#[derive(Debug, Clone)]
pub struct Downloads {
    /// How many each person has.
    people: Arc<Mutex<HashMap<i64, usize>>>,
    steps: Arc<Semaphore>,
    taken: Duration,
}

impl Default for Downloads {
    fn default() -> Downloads {
        Downloads::new(Duration::from_secs(TAKEN_SECONDS))
    }
}

impl Downloads {
    /// With another limit on how long a client may take to read a step.
    #[must_use]
    pub fn new(taken: Duration) -> Downloads {
        let steps = Arc::new(Semaphore::new(STEPS_AT_ONCE_MAX));
        Downloads { people: Arc::default(), steps, taken }
    }

    /// How many files are being sent.
    #[must_use]
    pub fn count(&self) -> usize {
        self.people().values().sum()
    }

    fn begin(&self, user_id: i64) -> WebResult<Place> {
        let mut people = self.people();
        let of_person = people.get(&user_id).copied().unwrap_or(0);
        if of_person >= OF_PERSON_MAX || people.values().sum::<usize>() >= AT_ONCE_MAX {
            return Err(WebError::TooManyDownloads);
        }
        people.insert(user_id, of_person + 1);
        Ok(Place { downloads: self.clone(), user_id })
    }

    fn people(&self) -> MutexGuard<'_, HashMap<i64, usize>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file's place among those being sent, freed when dropped.
struct Place {
    downloads: Downloads,
    user_id: i64,
}

impl Place {
    /// Waits for its turn to read a step.
    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        self.downloads.steps.clone().acquire_owned().await.ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut people = self.downloads.people();
        if let Some(count) = people.get_mut(&self.user_id) {
            *count -= 1;
            if *count == 0 {
                people.remove(&self.user_id);
            }
        }
    }
}

/// A place for an answer that is read in the same steps as files, and sent as a whole.
pub struct Whole {
    place: Place,
    app: App,
}

impl Whole {
    /// Takes a place until it is dropped.
    ///
    /// # Errors
    /// [`WebError::TooManyDownloads`].
    pub fn begin(portal: &Portal, actor: &Actor) -> WebResult<Whole> {
        Ok(Whole { place: portal.downloads.begin(actor.user_id)?, app: portal.app.for_exports() })
    }

    /// The application whose reads are exports.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Reads a step in its turn.
    pub async fn step<T>(&self, read: impl Future<Output = T>) -> T {
        let _turn = self.place.turn().await;
        read.await
    }
}

/// A file's name and type, and what precedes its rows.
pub struct File {
    pub name: String,
    pub media_type: &'static str,
    pub head: Vec<u8>,
}

enum Part {
    Rows(Vec<u8>),
    End,
    Fault(OpError),
}

/// Sends a file. `read` returns the rows after a place, from an application whose reads are exports; `write` turns them
/// into bytes, and returns the place of the last one.
///
/// # Errors
/// Any failure of the first step, and [`WebError::TooManyDownloads`].
pub async fn send<T, C, R>(
    portal: &Portal,
    actor: &Actor,
    file: File,
    write: impl Fn(&[T]) -> (Vec<u8>, Option<C>) + Send + Sync + 'static,
    read: impl Fn(App, Option<C>) -> R + Send + Sync + 'static,
) -> WebResult<Response>
where
    T: Send + Sync + 'static,
    C: Send + Sync + 'static,
    R: Future<Output = OpResult<Vec<T>>> + Send,
{
    let place = portal.downloads.begin(actor.user_id)?;
    let app = portal.app.for_exports();
    let (feed, mut parts) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        tokio::select! {
            biased;
            () = feed.closed() => {}
            _ = read_all(&feed, &place, |after| read(app.clone(), after), write) => {}
        }
    });
    let first = tokio::time::timeout(Duration::from_secs(FIRST_BYTES_SECONDS), parts.recv()).await;
    let first = match first {
        Ok(Some(Part::Fault(error))) => return Err(error.into()),
        Ok(None) => return Err(WebError::Internal(format!("{} ended before it began", file.name))),
        Ok(first) => first,
        Err(_) => None,
    };
    let disposition = format!("attachment; filename=\"{}\"", file.name);
    let headers = [(header::CONTENT_TYPE, file.media_type.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, body(file, first, parts)).into_response())
}

/// The client is gone, or reads nothing.
struct GivenUp;

async fn read_all<T, C, R: Future<Output = OpResult<Vec<T>>>>(
    feed: &Sender<Part>,
    place: &Place,
    read: impl Fn(Option<C>) -> R,
    write: impl Fn(&[T]) -> (Vec<u8>, Option<C>),
) -> Result<(), GivenUp> {
    let deliver = async |part| {
        let given = tokio::time::timeout(place.downloads.taken, feed.send(part)).await;
        given.map_err(|_| GivenUp)?.map_err(|_| GivenUp)
    };
    let mut after = None;
    loop {
        let turn = place.turn().await;
        let rows = match read(after).await {
            Ok(rows) => rows,
            Err(error) => return deliver(Part::Fault(error)).await,
        };
        drop(turn);
        let (bytes, last) = write(&rows);
        deliver(Part::Rows(bytes)).await?;
        let is_full = rows.len() as i64 >= STEP;
        after = match last.filter(|_| is_full) {
            Some(last) => Some(last),
            None => return deliver(Part::End).await,
        };
    }
}

/// The body of an answer: it ends only after the last step, and breaks off otherwise.
fn body(file: File, first: Option<Part>, parts: Receiver<Part>) -> Body {
    let start = (Some(file.head), first, parts, file.name);
    Body::from_stream(stream::try_unfold(start, |(head, mut first, mut parts, name)| async move {
        if let Some(head) = head {
            return Ok(Some((Bytes::from(head), (None, first, parts, name))));
        }
        let part = match first.take() {
            Some(part) => Some(part),
            // The steps have deadlines, and the channel closes when reading ends: this waits no longer than that.
            None => parts.recv().await,
        };
        match part {
            Some(Part::Rows(bytes)) => Ok(Some((Bytes::from(bytes), (None, first, parts, name)))),
            Some(Part::End) => Ok(None),
            Some(Part::Fault(error)) => {
                tracing::error!(%error, name, "a file was broken off");
                Err(io::Error::other("the file could not be read to its end"))
            }
            None => Err(io::Error::other("the file was given up")),
        }
    }))
}
