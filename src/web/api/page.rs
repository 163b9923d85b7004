//! Paging of lists: by `offset`, with the total; or by `cursor`, at the same cost for each page.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::ListMeta;
use super::error::{ApiError, ApiResult};
use crate::model::refusal::{DateReason, FieldReason, Reason};
use crate::model::time::{Moment, day_start};
use crate::ops::error::{OpError, Problems};
use crate::web::form::Form;
use crate::web::state::Portal;

const LIMIT_DEFAULT: i64 = 10;
const LIMIT_MAX: i64 = 1_000;
const OFFSET_MAX: i64 = 1_000_000_000;
const PAGES_MAX: i64 = 1_000_000;
const PAGING: [&str; 4] = ["limit", "offset", "page", "cursor"];
const IDS_MAX: usize = 1_000;
/// Parameters that programs add against caches, or because their HTTP library puts the token there.
const PASSED_OVER: [&str; 5] = ["_", "t", "ts", "timestamp", "Authorization"];

macro_rules! telemetry {
    ($($name:literal $negated:literal),*) => {
        [$([$name, concat!($name, "_2"), $negated, concat!($negated, "_2")]),*]
    };
}

/// What RMS knows from the devices themselves, and Scrip does not. RMS's last negation is spelled in its own way.
const TELEMETRY: [[&str; 4]; 12] = telemetry!(
    "firmware" "ne:firmware",
    "signal" "ne:signal",
    "network_state" "ne:network_state",
    "connection_type" "ne:connection_type",
    "operator" "ne:operator",
    "modem_model" "ne:modem_model",
    "modem_firmware" "ne:modem_firmware",
    "wan_state" "ne:wan_state",
    "task" "ne:task",
    "information_updated" "ne:information_updated",
    "modem_manufacturer" "ne:modem_manufacturer",
    "modem_manufacturer" "ne_modem_manufacturer"
);
/// The values that a device has of whom nothing is known.
const NONE_KNOWN: [&str; 4] = ["unknown", "no_signal", "never_been_updated", "no_pending_task"];

/// Which part of a list, as it is documented; [`Page`] is what is read.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct Paging {
    /// How many rows to return; 0 returns only the total.
    #[param(minimum = 0, maximum = 1000, default = 10)]
    limit: Option<i64>,
    /// How many rows to skip. `meta.total` is then counted.
    #[param(minimum = 0, maximum = 1_000_000_000i64, default = 0)]
    offset: Option<i64>,
    /// The page, from 1: the same as `offset` with (page - 1) × limit.
    #[param(minimum = 1, maximum = 1_000_000i64)]
    page: Option<i64>,
    /// Walks the list at the same cost for each page: send it empty at first, then the `meta.next_cursor`
    /// of the page before. The total is not counted then.
    #[param(example = "", pattern = "^[0-9]{0,18}$")]
    cursor: Option<String>,
}

/// The query of a list. A parameter that nobody has asked for when the page is read is refused: passing over a filter
/// would answer another question.
pub struct Query {
    form: Form,
    known: Vec<&'static str>,
    pub problems: Problems,
}

impl FromRequestParts<Portal> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Portal) -> Result<Query, Self::Rejection> {
        let form = Form::read(parts.uri.query().unwrap_or_default().as_bytes());
        Ok(Query { form, known: Vec::new(), problems: Problems::default() })
    }
}

/// The requested rows of a list.
#[derive(Debug, Clone)]
pub struct Page {
    pub limit: i64,
    pub offset: i64,
    /// The last id of the previous page; `Some(None)` at the start of a walk.
    pub cursor: Option<Option<i64>>,
}

impl Page {
    /// How many rows to read: one more than the page, to know whether another follows.
    pub fn rows(&self) -> i64 {
        self.limit + 1
    }

    pub fn is_walk(&self) -> bool {
        self.cursor.is_some()
    }

    /// The list's `meta`; drops the extra row.
    pub fn meta<T>(&self, rows: &mut Vec<T>, total: Option<i64>, id: impl Fn(&T) -> i64) -> ListMeta {
        let has_more = rows.len() as i64 > self.limit;
        rows.truncate(self.limit as usize);
        let next_cursor = rows.last().filter(|_| has_more).map(|last| id(last).to_string());
        ListMeta { total, rms_total: None, next_cursor }
    }
}

impl Query {
    pub fn has(&mut self, name: &'static str) -> bool {
        self.known.push(name);
        self.form.has(name)
    }

    /// A parameter under any of its names; `None` if absent or empty.
    pub fn text(&mut self, names: &[&'static str]) -> Option<&str> {
        self.known.extend(names);
        names.iter().map(|name| self.form.value(name).trim()).find(|value| !value.is_empty())
    }

    /// A parameter that is a whole number.
    pub fn number(&mut self, names: &[&'static str]) -> Option<i64> {
        self.known.extend(names);
        let name = names.iter().find(|name| self.form.has(name))?;
        let text = self.form.value(name).trim();
        let number = text.parse::<i64>().map_err(|_| FieldReason::NotANumber);
        self.problems.take(names[0], number)
    }

    /// A parameter with a parser of its own.
    pub fn read<T, R: Into<Reason>>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, R>,
    ) -> Option<T> {
        let value = read(self.text(&[name])?);
        self.problems.take(name, value)
    }

    /// A parameter that may be negated: its values, and whether each is what a row must not have. `ne:` stands before
    /// the name or before the value.
    pub fn either(&mut self, name: &'static str, negated: &'static str) -> Vec<(String, bool)> {
        let mut values = Vec::new();
        for (name, is_not) in [(name, false), (negated, true)] {
            if let Some(text) = self.text(&[name]) {
                let (text, is_not) = text.strip_prefix("ne:").map_or((text, is_not), |rest| (rest, !is_not));
                values.push((text.to_owned(), is_not));
            }
        }
        values
    }

    /// What RMS knows from the devices themselves: whether all devices fit, or none; `None` if nothing is asked.
    pub fn telemetry(&mut self) -> Option<bool> {
        let mut fits = None;
        for [name, second, negated, negated_second] in TELEMETRY {
            for (name, negated) in [(name, negated), (second, negated_second)] {
                for (value, is_not) in self.either(name, negated) {
                    let is_unknown = value.split(',').any(|value| NONE_KNOWN.contains(&value.trim()));
                    fits = Some(fits.unwrap_or(true) && is_unknown != is_not);
                }
            }
        }
        fits
    }

    /// One id, or several with commas between; empty if absent.
    pub fn ids(&mut self, names: &[&'static str]) -> Vec<i64> {
        let Some(text) = self.text(names).map(str::to_owned) else { return Vec::new() };
        self.id_list(names[0], &text)
    }

    /// The ids in a parameter's text.
    pub fn id_list(&mut self, name: &'static str, text: &str) -> Vec<i64> {
        let ids: Result<Vec<i64>, _> = text.split(',').map(|id| id.trim().parse()).collect();
        let ids = match ids {
            Ok(ids) if ids.len() <= IDS_MAX => Ok(ids),
            Ok(_) => Err(FieldReason::TooMany { maximum: IDS_MAX }),
            Err(_) => Err(FieldReason::NotANumber),
        };
        self.problems.take(name, ids).unwrap_or_default()
    }

    /// A parameter that is 0 or 1, or true or false.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.read(name, |text| match text {
            "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            _ => Err(FieldReason::NotAChoice { choices: "0, 1, true, false" }),
        })
    }

    /// A moment: a date, or a date and a time, in UTC. `to` with only a date means the end of that day.
    pub fn moment(&mut self, name: &'static str, is_end: bool) -> Option<Moment> {
        self.read(name, |text| moment(text, is_end).ok_or(DateReason::NotADay))
    }

    /// Whether rows come newest first, the default of `sort`.
    pub fn newest_first(&mut self) -> bool {
        self.read("sort", |text| match text {
            "id" | "created_at" => Ok(false),
            "-id" | "-created_at" => Ok(true),
            _ => Err(FieldReason::NotAChoice { choices: "id, -id, created_at, -created_at" }),
        })
        .unwrap_or(true)
    }

    /// The page, once all parameters have been read.
    ///
    /// # Errors
    /// All faults of any parameter.
    pub fn page(mut self) -> ApiResult<Page> {
        let mut number = |name: &'static str, minimum: i64, maximum: i64| {
            if !self.form.has(name) {
                return None;
            }
            let text = self.form.value(name).trim();
            let value = match text.parse() {
                Ok(number) if (minimum..=maximum).contains(&number) => Ok(number),
                Ok(_) => Err(FieldReason::NotBetween { minimum, maximum }),
                Err(_) => Err(FieldReason::NotANumber),
            };
            self.problems.take(name, value)
        };
        let limit = number("limit", 0, LIMIT_MAX).unwrap_or(LIMIT_DEFAULT);
        let page = number("page", 1, PAGES_MAX).unwrap_or(1);
        let offset = number("offset", 0, OFFSET_MAX).unwrap_or((page - 1) * limit);
        let cursor = self.form.has("cursor").then(|| self.form.value("cursor").trim().to_owned());
        let cursor = match cursor.as_deref() {
            None => None,
            Some("") => Some(None),
            Some(text) => self.problems.take("cursor", text.parse().map(Some).map_err(|_| FieldReason::NotANumber)),
        };
        self.finish()?;
        Ok(Page { limit, offset, cursor })
    }

    /// Ends the reading of a query without pages.
    ///
    /// # Errors
    /// All faults of any parameter, and those that are not known.
    pub fn finish(self) -> ApiResult<()> {
        let is_known = |name: &str| PAGING.contains(&name) || PASSED_OVER.contains(&name) || self.known.contains(&name);
        let unknown: Vec<&str> = self.form.names().filter(|name| !is_known(name)).collect();
        if !unknown.is_empty() {
            return Err(ApiError::unknown_parameters(&unknown));
        }
        self.problems.finish().map_err(|error: OpError| ApiError::of(error, &[]))
    }
}

fn moment(text: &str, is_end: bool) -> Option<Moment> {
    use jiff::tz::TimeZone;
    if let Some(day) = day_start(text, &TimeZone::UTC).filter(|_| text.len() == 10) {
        return if is_end { crate::model::time::day_end(text, &TimeZone::UTC) } else { Some(day) };
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    Some(Moment(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond()))
}
