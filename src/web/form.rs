//! A form is a value: what was typed, and what is wrong where. Secrets are never shown again.

use std::borrow::Cow;

use ulid::Ulid;

use super::error::{WebError, WebResult};
use super::extract::Me;
use super::underway;
use crate::app::App;
use crate::model::amount::AmountError;
use crate::model::company::CompanyName;
use crate::model::refusal::{CompanyReason, Reason, ResourceReason};
use crate::model::time::Moment;
use crate::ops::error::OpError;
use crate::urls;
use crate::words;

/// The hidden field that carries the operation's id.
pub const TOKEN: &str = "form";

/// What was typed into a form, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Form {
    values: Vec<(String, String)>,
    problems: Vec<Problem>,
    /// Companies that match a field's text, if there are several.
    candidates: Vec<(&'static str, Vec<CompanyName>)>,
    /// Until when the next attempt must wait.
    pub wait_until: Option<Moment>,
}

#[derive(Debug, Clone)]
pub struct Problem {
    pub field: &'static str,
    pub message: String,
}

impl Form {
    /// Parses a URL-encoded body or query. PostgreSQL's texts cannot hold a NUL, so it is removed here.
    pub fn read(bytes: &[u8]) -> Form {
        let values = url::form_urlencoded::parse(bytes).map(|(k, v)| (k.into_owned(), v.replace('\0', ""))).collect();
        Form { values, ..Form::default() }
    }

    /// A form before it is sent, with values filled in.
    pub fn filled(values: &[(&str, &str)]) -> Form {
        let values = values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Form { values, ..Form::default() }
    }

    /// A field's value; empty if absent.
    pub fn value(&self, field: &str) -> &str {
        self.values.iter().find(|(k, _)| k == field).map_or("", |(_, v)| v)
    }

    /// The names of all fields, each as often as it occurs.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|(name, _)| name.as_str())
    }

    /// All values of a field that may occur several times.
    pub fn all<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |(k, _)| k == field).map(|(_, v)| v.as_str())
    }

    pub fn has(&self, field: &str) -> bool {
        self.values.iter().any(|(k, _)| k == field)
    }

    /// Whether one of these fields occurs twice.
    pub fn has_repeats(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.all(field).count() > 1)
    }

    /// Sets a field's value if it has none yet.
    pub fn or(mut self, field: &str, value: impl Into<Cow<'static, str>>) -> Form {
        if !self.has(field) {
            self.values.push((field.to_owned(), value.into().into_owned()));
        }
        self
    }

    /// Adds a value as sent, without any NUL, like [`Form::read`].
    pub fn push(&mut self, field: &str, value: &str) {
        self.values.push((field.to_owned(), value.replace('\0', "")));
    }

    /// Sets or replaces a field's value.
    pub fn set(&mut self, field: &str, value: String) {
        self.values.retain(|(k, _)| k != field);
        self.values.push((field.to_owned(), value));
    }

    /// What is wrong with a field.
    pub fn problem(&self, field: &str) -> Option<&str> {
        self.problems.iter().find(|p| p.field == field).map(|p| p.message.as_str())
    }

    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub fn candidates(&self, field: &str) -> Option<&[CompanyName]> {
        self.candidates.iter().find(|(f, _)| *f == field).map(|(_, c)| c.as_slice())
    }

    /// Records what is wrong with a field.
    pub fn refuse(&mut self, field: &'static str, reason: impl Into<Reason>) {
        let reason = reason.into();
        let messages: Vec<_> = match &reason {
            Reason::Company(CompanyReason::Missing) => vec![words::missing_company(field).into()],
            reason => words::parts(reason).into_iter().map(|worded| worded.sentence).collect(),
        };
        self.problems.extend(messages.into_iter().map(|message| Problem { field, message: message.into_owned() }));
        self.wait_until = reason.wait_until().or(self.wait_until);
        if let Reason::Company(CompanyReason::Ambiguous(candidates)) = reason {
            self.candidates.push((field, candidates));
        }
    }

    /// The form after a refusal. Other errors are returned as such.
    pub fn refused(mut self, error: OpError) -> WebResult<Form> {
        match error {
            OpError::Refused(field, reason) => self.refuse(field, reason),
            // A form has one field for all its rows.
            OpError::Rows(rows) => {
                if let Some((_, field, reason)) = rows.into_iter().next() {
                    self.refuse(field, reason);
                }
            }
            OpError::Invalid(problems) => problems.into_iter().for_each(|(field, reason)| self.refuse(field, reason)),
            other => return Err(WebError::from(other)),
        }
        Ok(self)
    }

    /// Whether a button turns something on.
    pub fn switch(&self, field: &str) -> WebResult<bool> {
        match self.value(field) {
            "1" => Ok(true),
            "0" => Ok(false),
            _ => Err(WebError::BadRequest),
        }
    }

    /// The id of the draft to add to, if there is one.
    pub fn draft(&self) -> WebResult<Option<i64>> {
        match self.value("order") {
            "" => Ok(None),
            id => id.parse().map(Some).map_err(|_| WebError::NotFound),
        }
    }

    /// The operation's id, from a form that was issued to this session.
    pub fn operation(&self, app: &App, me: &Me) -> WebResult<String> {
        let (nonce, mac) = self.value(TOKEN).split_once('.').ok_or(WebError::FormForeign)?;
        if Ulid::from_string(nonce).is_ok() && app.keys.form_mac_matches(&session_bytes(me), nonce, mac) {
            let back = Some(self.value("back")).filter(|back| urls::is_local(back));
            let back = back.unwrap_or(urls::OVERVIEW).to_owned();
            underway::note_operation(underway::Operation { id: nonce.to_owned(), is_given: true, back });
            Ok(nonce.to_owned())
        } else {
            Err(WebError::FormForeign)
        }
    }
}

/// A new form's token: the operation's id, which begins with the time so that ids sort by creation, and a MAC that
/// binds it to the session.
pub fn new_token(app: &App, me: &Me) -> String {
    let nonce = new_nonce(app);
    let mac = app.keys.form_mac(&session_bytes(me), &nonce);
    format!("{nonce}.{mac}")
}

/// A ULID: the time in milliseconds, then random bits.
pub fn new_nonce(app: &App) -> String {
    let milliseconds = (app.clock.now().0 / 1_000).cast_unsigned();
    Ulid::from_parts(milliseconds, u128::from_be_bytes(app.rng.bytes())).to_string()
}

fn session_bytes(me: &Me) -> [u8; 16] {
    me.session.id().map_or([0; 16], |id| id.0.to_be_bytes())
}

/// Parses a field's text.
pub fn read<T, R: Into<Reason>>(
    form: &mut Form,
    field: &'static str,
    read: impl FnOnce(&str) -> Result<T, R>,
) -> Option<T> {
    match read(form.value(field)) {
        Ok(value) => Some(value),
        Err(reason) => {
            form.refuse(field, reason);
            None
        }
    }
}

/// The Type field.
pub fn resource_type(slug: &str) -> Result<crate::model::resources::ResourceType, ResourceReason> {
    if slug.is_empty() {
        return Err(ResourceReason::MissingType);
    }
    crate::model::resources::ResourceType::from_slug(slug).ok_or(ResourceReason::UnknownType)
}

/// The Amount field.
pub fn amount(text: &str) -> Result<i64, AmountError> {
    crate::model::amount::parse(text)
}
