//! The request under way: what its handler and its error pages know of it, whichever task they run in.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::Method;

tokio::task_local! {
    static UNDERWAY: Underway;
}

/// A request under way. Clones share it.
#[derive(Debug, Clone)]
pub struct Underway(Arc<Facts>);

#[derive(Debug)]
struct Facts {
    request_id: String,
    is_read: bool,
    is_api: bool,
    operation: Mutex<Option<Operation>>,
}

/// The operation that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    pub id: String,
    /// Its sender made the id, and can send it again.
    pub is_given: bool,
    /// The page that shows whether it has happened.
    pub back: String,
}

impl Underway {
    pub fn new(request_id: String, method: &Method, path: &str) -> Underway {
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        Underway(Arc::new(Facts {
            request_id,
            is_read,
            is_api: path.starts_with("/api/"),
            operation: Mutex::default(),
        }))
    }

    /// The one of this task, where there is one.
    pub fn present() -> Option<Underway> {
        UNDERWAY.try_with(Clone::clone).ok()
    }

    /// Runs something as a part of it.
    pub async fn scope<T>(self, run: impl Future<Output = T>) -> T {
        UNDERWAY.scope(self, run).await
    }

    /// Whether it only reads, and so changes nothing.
    pub fn is_read(&self) -> bool {
        self.0.is_read
    }

    /// Whether a program asks.
    pub fn is_api(&self) -> bool {
        self.0.is_api
    }
}

/// The id of the request under way, as the log has it.
pub fn request_id() -> String {
    UNDERWAY.try_with(|u| u.0.request_id.clone()).unwrap_or_default()
}

/// Notes which operation the request asks for, before it is begun.
pub fn note_operation(operation: Operation) {
    let _ = UNDERWAY
        .try_with(|u| *u.0.operation.lock().unwrap_or_else(PoisonError::into_inner) = Some(operation));
}

/// The operation that the request asks for, where it has got as far.
pub fn operation() -> Option<Operation> {
    UNDERWAY.try_with(|u| u.0.operation.lock().unwrap_or_else(PoisonError::into_inner).clone()).ok()?
}
