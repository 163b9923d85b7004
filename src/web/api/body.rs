//! A request's JSON body, whose fields are checked one by one so that each wrong one is named, and the key that makes a
//! write happen once.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::error::{ApiError, ApiResult};
use crate::model::refusal::{CompanyReason, FieldReason, Reason, ResourceReason, RoleReason};
use crate::model::resources::ResourceType;
use crate::web::state::Portal;
use crate::web::{form, underway};

/// A field as sent.
#[derive(Debug, Clone, Default)]
pub enum Field<T> {
    /// Absent or null.
    #[default]
    Missing,
    Given(T),
    /// Of the wrong type.
    Wrong,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Field<T>, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if value.is_null() {
            return Ok(Field::Missing);
        }
        Ok(serde_json::from_value(value).map_or(Field::Wrong, Field::Given))
    }
}

impl<T> Field<T> {
    /// The value, or the reason why it is missing or of the wrong type.
    pub fn required(self, missing: impl Into<Reason>, wrong: impl Into<Reason>) -> Result<T, Reason> {
        match self {
            Field::Given(value) => Ok(value),
            Field::Missing => Err(missing.into()),
            Field::Wrong => Err(wrong.into()),
        }
    }

    pub fn optional(self, wrong: impl Into<Reason>) -> Result<Option<T>, Reason> {
        match self {
            Field::Given(value) => Ok(Some(value)),
            Field::Missing => Ok(None),
            Field::Wrong => Err(wrong.into()),
        }
    }
}

/// An id or a name, in the document.
pub struct IdOrName;

impl utoipa::PartialSchema for IdOrName {
    fn schema() -> RefOr<Schema> {
        let id = ObjectBuilder::new().schema_type(Type::Integer);
        let name = ObjectBuilder::new().schema_type(Type::String);
        Schema::OneOf(OneOfBuilder::new().item(name).item(id).build()).into()
    }
}

impl utoipa::ToSchema for IdOrName {}

/// The slug of a resource type, in the document.
pub struct TypeSlug;

impl utoipa::PartialSchema for TypeSlug {
    fn schema() -> RefOr<Schema> {
        let slugs = ResourceType::all().map(ResourceType::slug);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(slugs)).build().into()
    }
}

impl utoipa::ToSchema for TypeSlug {}

/// A day, or a moment in UTC, in the document.
pub struct DayOrMoment;

impl utoipa::PartialSchema for DayOrMoment {
    fn schema() -> RefOr<Schema> {
        let pattern = r"^(\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])( ([01]\d|2[0-3]):[0-5]\d:[0-5]\d)?)?$";
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build().into()
    }
}

impl utoipa::ToSchema for DayOrMoment {}

pub fn amount(field: Field<i64>) -> Result<i64, Reason> {
    use crate::model::amount::{AmountError, check};
    let amount = field.required(AmountError::Missing, AmountError::NotWhole)?;
    Ok(check(amount)?)
}

/// A company's id. The act checks that the caller may see that company.
pub fn company(field: Field<i64>) -> Result<i64, Reason> {
    field.required(CompanyReason::Missing, FieldReason::NotANumber)
}

/// A role's id, or the name of a built-in one, as a text or a number. The act checks that the caller may give it.
pub fn role(field: Field<serde_json::Value>) -> Result<String, Reason> {
    match field.required(RoleReason::Unknown, RoleReason::Unknown)? {
        serde_json::Value::Number(id) => Ok(id.to_string()),
        serde_json::Value::String(name) => Ok(name),
        _ => Err(RoleReason::Unknown.into()),
    }
}

/// A resource type by its slug; Credit by default.
pub fn resource_type(field: Field<String>) -> Result<ResourceType, Reason> {
    match field.optional(ResourceReason::UnknownType)? {
        None => Ok(ResourceType::CREDIT),
        Some(slug) => ResourceType::from_slug(&slug).ok_or(ResourceReason::UnknownType.into()),
    }
}

/// A switch: 0 or 1, false or true; `None` if absent.
pub fn flag(field: Field<serde_json::Value>) -> Result<Option<bool>, Reason> {
    let wrong = FieldReason::NotAChoice { choices: "0, 1" };
    match field.optional(wrong.clone())? {
        None => Ok(None),
        Some(value) => match (value.as_i64(), value.as_bool()) {
            (Some(1), _) | (_, Some(true)) => Ok(Some(true)),
            (Some(0), _) | (_, Some(false)) => Ok(Some(false)),
            _ => Err(wrong.into()),
        },
    }
}

/// A list of ids, or one; `None` if absent.
pub fn ids(field: Field<serde_json::Value>) -> Result<Option<Vec<i64>>, Reason> {
    match field.optional(FieldReason::NotANumber)? {
        None => Ok(None),
        Some(serde_json::Value::Array(ids)) => {
            let ids: Option<Vec<i64>> = ids.iter().map(serde_json::Value::as_i64).collect();
            ids.map(Some).ok_or(FieldReason::NotANumber.into())
        }
        Some(id) => id.as_i64().map(|id| Some(vec![id])).ok_or(FieldReason::NotANumber.into()),
    }
}

/// A text; empty by default. PostgreSQL's texts cannot hold a NUL, so it is removed.
pub fn text(field: Field<String>) -> Result<String, Reason> {
    Ok(field.optional(FieldReason::NotAText)?.unwrap_or_default().replace('\0', ""))
}

pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Portal> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, portal: &Portal) -> ApiResult<Body<T>> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|k| k.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind != "application/json" {
            return Err(ApiError::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let bytes =
            Bytes::from_request(request, portal).await.map_err(|rejection| ApiError::of_status(rejection.status()))?;
        let malformed = |message| ApiError::new(StatusCode::BAD_REQUEST, "MALFORMED_JSON", None, message);
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|_| malformed("The body is not well-formed JSON."))?;
        if !value.is_object() {
            return Err(malformed("The body is not a JSON object."));
        }
        serde_json::from_value(value).map(Body).map_err(|_| malformed("The body is not a JSON object."))
    }
}

/// The operation's id: the `Idempotency-Key` header, or a new one.
pub struct Key(pub String);

const KEY_LENGTH_MAX: usize = 255;

impl FromRequestParts<Portal> for Key {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> ApiResult<Key> {
        let mut given = parts.headers.get_all("idempotency-key").iter();
        let Some(first) = given.next() else { return Ok(Key::of(form::new_nonce(&portal.app), false)) };
        let text = first.to_str().unwrap_or_default().trim();
        let is_printable = text.bytes().all(|b| (0x20..0x7f).contains(&b));
        if given.next().is_some() || text.is_empty() || text.len() > KEY_LENGTH_MAX || !is_printable {
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "IDEMPOTENCY_KEY_MALFORMED",
                Some("Idempotency-Key"),
                "Send one Idempotency-Key of 1 to 255 printable characters.",
            ));
        }
        Ok(Key::of(text.to_owned(), true))
    }
}

impl Key {
    fn of(id: String, is_given: bool) -> Key {
        underway::note_operation(underway::Operation { id: id.clone(), is_given, back: String::new() });
        Key(id)
    }
}
