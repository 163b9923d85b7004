//! The request in progress: what its handler and its error pages know of it, in whatever task they run.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::Method;

use crate::urls;

tokio::task_local! {
    static UNDERWAY: Underway;
}

/// A request in progress. Clones share it.
#[derive(Debug, Clone)]
pub struct Underway(Arc<Facts>);

#[derive(Debug)]
struct Facts {
    request_id: String,
    is_read: bool,
    is_api: bool,
    operation: Mutex<Option<Operation>>,
}

/// The operation that a request performs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    pub id: String,
    /// The client chose the id, and can send it again.
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
            is_api: urls::is_for_programs(path),
            operation: Mutex::default(),
        }))
    }

    /// The current task's request, if it has one.
    pub fn present() -> Option<Underway> {
        UNDERWAY.try_with(Clone::clone).ok()
    }

    /// Runs a future as part of it.
    pub async fn scope<T>(self, run: impl Future<Output = T>) -> T {
        UNDERWAY.scope(self, run).await
    }

    /// Whether it only reads, and therefore changes nothing.
    pub fn is_read(&self) -> bool {
        self.0.is_read
    }

    /// Whether a program sent it.
    pub fn is_api(&self) -> bool {
        self.0.is_api
    }
}

/// The id of the request in progress, as logged.
pub fn request_id() -> String {
    UNDERWAY.try_with(|u| u.0.request_id.clone()).unwrap_or_default()
}

/// Records the request's operation before it begins.
pub fn note_operation(operation: Operation) {
    let _ = UNDERWAY.try_with(|u| *u.0.operation.lock().unwrap_or_else(PoisonError::into_inner) = Some(operation));
}

/// The request's operation, if it has come that far.
pub fn operation() -> Option<Operation> {
    UNDERWAY.try_with(|u| u.0.operation.lock().unwrap_or_else(PoisonError::into_inner).clone()).ok()?
}
