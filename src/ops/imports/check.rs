//! Checks the rows of a device file against companies, serial numbers and tags.

use std::collections::{BTreeSet, HashMap};

use super::{COMPANIES_MAX, KeptRow};
use crate::app::App;
use crate::model::company::{Path, searchable};
use crate::model::device::DeviceKind;
use crate::model::import::{self, Row, RowError};
use crate::model::refusal::FieldReason;
use crate::model::resources::ResourceType;
use crate::ops::actor::Actor;
use crate::ops::companies::{ResolveError, resolve};
use crate::ops::error::{OpResult, refuse};
use crate::store;
use crate::store::db::Tx;
use crate::store::tags::Tag;

/// Rows that can be added, and what is wrong with the others.
pub(super) type Sorted = (Vec<KeptRow>, Vec<(i64, RowError)>);

/// Checks rows against what there is.
pub(super) async fn sort(app: &App, actor: &Actor, company_id: i64, rows: Vec<import::Line>) -> OpResult<Sorted> {
    let companies = companies(app, actor, company_id, &rows).await?;
    let serials: Vec<String> = rows.iter().filter_map(|(_, r)| r.as_ref().ok()).map(|r| r.serial.clone()).collect();
    let mut tx = app.db.read().await?;
    let taken: BTreeSet<String> = store::devices::taken_serials(&mut tx, &serials).await?.into_iter().collect();
    let tags = Tags::of(&mut tx, actor, &companies, &rows).await?;
    drop(tx);
    let mut lines: HashMap<String, i64> = HashMap::new();
    let (mut good, mut problems) = (Vec::new(), Vec::new());
    for (line, row) in rows {
        let checked = row.and_then(|row| {
            let serial = searchable(&row.serial);
            let company_id =
                *companies.get(&row.company).ok_or_else(|| RowError::UnknownCompany(row.company.clone()))?;
            if row.kind == DeviceKind::Device {
                if taken.contains(&serial) {
                    return Err(RowError::SerialTaken);
                }
                if let Some(earlier) = lines.insert(serial, line) {
                    return Err(RowError::SerialTwice(earlier));
                }
            }
            let tags = tags.named(&row.tags, company_id)?;
            Ok(kept_row(line, row, company_id, tags))
        });
        match checked {
            Ok(row) => good.push(row),
            Err(why) => problems.push((line, why)),
        }
    }
    Ok((good, problems))
}

fn kept_row(line: i64, row: Row, company_id: i64, tags: Vec<i64>) -> KeptRow {
    KeptRow {
        line,
        kind: row.kind.slug().to_owned(),
        serial: row.serial,
        name: row.name,
        model: row.model,
        company_id,
        service: row.service.map(ResourceType::id),
        auto_extend: row.auto_extend,
        monitoring: row.monitoring,
        mac: row.mac,
        imei: row.imei,
        series: row.series,
        description: row.description,
        tags,
    }
}

/// The tags that a file names, and the places of the companies that it is for.
struct Tags {
    tags: Vec<Tag>,
    paths: HashMap<i64, Path>,
}

impl Tags {
    async fn of(tx: &mut Tx, actor: &Actor, companies: &HashMap<String, i64>, rows: &[import::Line]) -> OpResult<Tags> {
        let names: BTreeSet<String> =
            rows.iter().filter_map(|(_, r)| r.as_ref().ok()).flat_map(|r| &r.tags).cloned().collect();
        if names.is_empty() {
            return Ok(Tags { tags: Vec::new(), paths: HashMap::new() });
        }
        let names: Vec<String> = names.into_iter().collect();
        let tags = store::tags::named(tx, &actor.company_path, &names).await?;
        let ids: Vec<i64> = companies.values().copied().collect();
        let found = store::companies::find_many(tx, &actor.company_path, &ids).await?;
        Ok(Tags { tags, paths: found.iter().map(|company| (company.id, company.path())).collect() })
    }

    /// The ids of tags for a company's devices: of two with one name, that of the nearer company.
    fn named(&self, names: &[String], company_id: i64) -> Result<Vec<i64>, RowError> {
        let find = |name: &String| {
            let path = self.paths.get(&company_id)?;
            let is_it = |tag: &&Tag| searchable(&tag.name) == searchable(name) && tag.reaches(path);
            self.tags.iter().filter(is_it).max_by_key(|tag| tag.company_path.len()).map(|tag| tag.id)
        };
        names.iter().map(|name| find(name).ok_or_else(|| RowError::UnknownTag(name.clone()))).collect()
    }
}

/// The companies that the rows name, by text.
async fn companies(app: &App, actor: &Actor, company_id: i64, rows: &[import::Line]) -> OpResult<HashMap<String, i64>> {
    let named: BTreeSet<&str> = rows.iter().filter_map(|(_, r)| r.as_ref().ok()).map(|r| r.company.as_str()).collect();
    if named.len() > COMPANIES_MAX {
        return refuse("file", FieldReason::TooMany { maximum: COMPANIES_MAX });
    }
    let mut found = HashMap::from([(String::new(), company_id)]);
    for text in named.into_iter().filter(|t| !t.is_empty()) {
        match resolve(app, actor, text).await {
            Ok(company) => {
                found.insert(text.to_owned(), company.id);
            }
            Err(ResolveError::Reason(_)) => {}
            Err(ResolveError::Fault(error)) => return Err(error),
        }
    }
    Ok(found)
}
