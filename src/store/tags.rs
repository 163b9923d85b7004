//! Tags of companies, and which devices have them. Whatever changes either has locked the companies of both.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::companies::escape_like;
use super::company_scope::{CompanyScope, Listed, Order, Part};
use super::db::{Query, Result, Tx, WriteTx, columns, sql};
use crate::model::company::{Path, searchable};
use crate::model::time::Moment;

/// A tag as stored.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize, Deserialize)]
pub struct Tag {
    pub id: i64,
    pub company_id: i64,
    pub company_name: String,
    pub company_path: String,
    pub name: String,
    pub description: String,
    pub color: String,
    pub created_at: i64,
    pub updated_at: i64,
}

impl Tag {
    /// Whether devices of the company with this path may have it.
    #[must_use]
    pub fn reaches(&self, path: &Path) -> bool {
        Path::from_stored(self.company_path.clone()).contains(path)
    }
}

/// A tag on a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceTag {
    pub id: i64,
    pub name: String,
    pub color: String,
}

macro_rules! tag_columns {
    () => {
        "select k.id, k.company_id, o.name as company_name, o.path as company_path, k.name, k.description, k.color,
             k.created_at, k.updated_at "
    };
}

/// Sort keys of a list of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TagSort {
    #[default]
    Id,
    Name,
}

#[derive(Debug, Clone, Default)]
pub struct TagFilter {
    /// Only this company's, without its subsidiaries'.
    pub company_id: Option<i64>,
    /// Only these; empty for all.
    pub ids: Vec<i64>,
    /// Part of the name.
    pub text: String,
    pub sort: TagSort,
    pub descending: bool,
    /// The id of the last row of the previous page, by id.
    pub after: Option<i64>,
    /// The name in lower case and the company of the last row of the previous page, by name.
    pub after_name: Option<(String, i64)>,
    pub offset: i64,
    pub limit: i64,
}

/// A page of tags.
pub async fn list(tx: &mut Tx, scope: &CompanyScope, filter: &TagFilter) -> Result<Vec<Tag>> {
    list_query(scope, filter).all(tx).await
}

/// The query behind [`list`].
#[must_use]
pub fn list_query(scope: &CompanyScope, filter: &TagFilter) -> Query {
    let order = match (filter.sort, filter.descending) {
        (TagSort::Id, newest_first) => Order::by_id(newest_first),
        (TagSort::Name, false) => {
            Order { of_k: " order by k.name_search, k.company_id", of_x: " order by x.name_search, x.company_id" }
        }
        (TagSort::Name, true) => Order {
            of_k: " order by k.name_search desc, k.company_id desc",
            of_x: " order by x.name_search desc, x.company_id desc",
        },
    };
    let part = Part { order, limit: filter.limit, offset: filter.offset };
    let query = sql(tag_columns!()).push("from (");
    let query = scope.ids(query, filter.listed(), |query| after(wanted(query, filter), filter), part);
    query.push(") page join tag k on k.id = page.id join company o on o.id = k.company_id").push(order.of_k)
}

/// Counts the tags that match a filter, across all pages.
pub async fn count(tx: &mut Tx, scope: &CompanyScope, filter: &TagFilter) -> Result<i64> {
    let (count,): (i64,) = wanted(scope.counted(filter.listed()), filter).one(tx).await?;
    Ok(count)
}

impl TagFilter {
    fn listed(&self) -> Listed {
        let walk = match self.sort {
            TagSort::Id => " not indexed",
            TagSort::Name => " indexed by tag_by_name",
        };
        Listed { table: "tag", walk, of_company: " indexed by tag_by_company" }
    }
}

fn wanted(query: Query, filter: &TagFilter) -> Query {
    let mut query = query;
    if !filter.ids.is_empty() {
        query = query.push(" and k.id in ").push_list(&filter.ids);
    }
    if filter.text.is_empty() {
        return query;
    }
    let pattern = format!("%{}%", escape_like(&searchable(&filter.text)));
    query.push(" and k.name_search like ").push_value(pattern).push(" escape '\\'")
}

fn after(query: Query, filter: &TagFilter) -> Query {
    match (filter.sort, filter.descending, filter.after, &filter.after_name) {
        (TagSort::Id, false, Some(id), _) => query.push(" and k.id > ").push_value(id),
        (TagSort::Id, true, Some(id), _) => query.push(" and k.id < ").push_value(id),
        (TagSort::Name, false, _, Some((name, company_id))) => {
            let query = query.push(" and (k.name_search, k.company_id) > (").push_value(name);
            query.push(", ").push_value(*company_id).push(")")
        }
        _ => query,
    }
}

/// Finds tags of a tree by id.
pub async fn find_many(tx: &mut Tx, tree: &Path, ids: &[i64]) -> Result<Vec<Tag>> {
    sql(concat!(
        tag_columns!(),
        "from tag k join company o on o.id = k.company_id
         where k.id in {list} and o.path >= $2 and o.path < $3 order by k.id"
    ))
    .bind_list(ids)
    .bind_tree(tree)
    .all(tx)
    .await
}

/// Finds tags of a tree by name, ignoring case.
pub async fn named(tx: &mut Tx, tree: &Path, names: &[String]) -> Result<Vec<Tag>> {
    let wanted: Vec<String> = names.iter().map(|name| searchable(name)).collect();
    sql(concat!(
        tag_columns!(),
        "from tag k join company o on o.id = k.company_id
         where k.name_search in {list} and o.path >= $2 and o.path < $3 order by k.id"
    ))
    .bind_list(&wanted)
    .bind_tree(tree)
    .all(tx)
    .await
}

/// A tag as a person describes it.
#[derive(Debug, Clone)]
pub struct NewTag {
    pub name: String,
    pub description: String,
    pub color: String,
}

/// How many tags a company has.
pub async fn of_company(tx: &mut Tx, company_id: i64) -> Result<i64> {
    let (count,): (i64,) = sql("select count(*) from tag where company_id = $1").bind(company_id).one(tx).await?;
    Ok(count)
}

/// Adds a tag; `None` if another one of the company has the name.
pub async fn insert(tx: &mut WriteTx, company_id: i64, tag: &NewTag, now: Moment) -> Result<Option<i64>> {
    let id = super::ledger::reserve(tx, "tag", 1).await?[0];
    let added = sql("insert into tag (id, company_id, name, name_search, description, color, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $7) on conflict (name_search, company_id) do nothing")
    .bind(id)
    .bind(company_id)
    .bind(&tag.name)
    .bind(searchable(&tag.name))
    .bind(&tag.description)
    .bind(&tag.color)
    .bind(now)
    .run(tx)
    .await?;
    Ok((added > 0).then_some(id))
}

/// Changes a tag unless another one of its company has the name; returns whether it did.
pub async fn update(tx: &mut WriteTx, id: i64, tag: &NewTag, now: Moment) -> Result<bool> {
    let changed = sql("update tag set name = $2, name_search = $3, description = $4, color = $5, updated_at = $6
         where id = $1 and not exists (select 1 from tag o
             where o.name_search = $3 and o.company_id = tag.company_id and o.id <> $1)")
    .bind(id)
    .bind(&tag.name)
    .bind(searchable(&tag.name))
    .bind(&tag.description)
    .bind(&tag.color)
    .bind(now)
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// Deletes a tag, and takes it off all devices.
pub async fn delete(tx: &mut WriteTx, id: i64) -> Result<()> {
    sql("delete from device_tag where tag_id = $1").bind(id).run(tx).await?;
    sql("delete from tag where id = $1").bind(id).run(tx).await?;
    Ok(())
}

/// Deletes the tags of companies that have neither devices nor subsidiaries, so that no device has one.
pub async fn delete_of_companies(tx: &mut WriteTx, company_ids: &[i64]) -> Result<()> {
    sql("delete from tag where company_id in {list}").bind_list(company_ids).run(tx).await?;
    Ok(())
}

columns! {
    /// A tag that a device has, or is to have.
    #[derive(Debug, Clone, Copy)]
    pub struct Tagged {
        pub device_id: i64,
        pub tag_id: i64,
    }
}

/// Puts tags on devices, those that are not there yet.
pub async fn assign(tx: &mut WriteTx, tagged: &[Tagged]) -> Result<()> {
    if tagged.is_empty() {
        return Ok(());
    }
    sql("insert into device_tag (tag_id, device_id) select distinct tag_id, device_id from {rows} r where true
         on conflict (tag_id, device_id) do nothing")
    .bind_rows(tagged)
    .later(tx)
    .await
}

/// Takes tags off devices.
pub async fn unassign(tx: &mut WriteTx, tagged: &[Tagged]) -> Result<()> {
    sql("delete from device_tag where (tag_id, device_id) in (select tag_id, device_id from {rows} r)")
        .bind_rows(tagged)
        .later(tx)
        .await
}

/// Takes all tags of a tree off devices.
pub async fn clear(tx: &mut WriteTx, tree: &Path, device_ids: &[i64]) -> Result<()> {
    sql("delete from device_tag where device_id in {list} and tag_id in (select t.id from tag t
             join company c on c.id = t.company_id where c.path >= $2 and c.path < $3)")
    .bind_list(device_ids)
    .bind_tree(tree)
    .later(tx)
    .await
}

/// Takes all tags off devices that are removed.
pub async fn clear_removed(tx: &mut WriteTx, device_ids: &[i64]) -> Result<()> {
    sql("delete from device_tag where device_id in {list}").bind_list(device_ids).later(tx).await
}

/// Takes off devices, after they moved, the tags that are not usable for their company.
pub async fn keep_usable(tx: &mut WriteTx, device_ids: &[i64]) -> Result<()> {
    sql("delete from device_tag where device_id in {list} and not exists (select 1 from tag t
             join company tc on tc.id = t.company_id join device d on d.id = device_tag.device_id
             join company c on c.id = d.company_id
             where t.id = device_tag.tag_id and c.path >= tc.path and c.path < tc.path || '~')")
    .bind_list(device_ids)
    .later(tx)
    .await
}

/// The same for all devices of a tree that moved, of the tags that the companies above its former place had.
pub async fn keep_usable_in(tx: &mut WriteTx, tree: &Path, formerly_above: &[i64]) -> Result<()> {
    sql("delete from device_tag where tag_id in (select t.id from tag t join company tc on tc.id = t.company_id
             where t.company_id in {list} and not (tc.path <= $2 and $2 < tc.path || '~'))
         and device_id in (select d.id from company c join device d on d.company_id = c.id
             where c.path >= $2 and c.path < $3 and d.removed_at is null)")
    .bind_list(formerly_above)
    .bind_tree(tree)
    .run(tx)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct OnDevice {
    device_id: i64,
    id: i64,
    name: String,
    color: String,
}

/// The tags of a tree that devices have: the device of each, by name.
pub async fn of_devices(tx: &mut Tx, tree: &Path, device_ids: &[i64]) -> Result<Vec<(i64, DeviceTag)>> {
    let found: Vec<OnDevice> = of_devices_query(tree, device_ids).all(tx).await?;
    Ok(found.into_iter().map(|r| (r.device_id, DeviceTag { id: r.id, name: r.name, color: r.color })).collect())
}

/// The query behind [`of_devices`].
#[must_use]
pub fn of_devices_query(tree: &Path, device_ids: &[i64]) -> Query {
    sql("select dt.device_id, t.id, t.name, t.color from device_tag dt join tag t on t.id = dt.tag_id
         join company c on c.id = t.company_id
         where dt.device_id in {list} and c.path >= $2 and c.path < $3 order by t.name_search, t.id")
    .bind_list(device_ids)
    .bind_tree(tree)
}

/// Up to how many devices are gathered by their tags; more are found by walking the list.
const GATHERED_MAX: i64 = 2_000;

/// Whether so few devices have one of the tags that a list gathers them.
pub async fn are_rare(tx: &mut Tx, ids: &[i64]) -> Result<bool> {
    let (count,): (i64,) =
        sql("select count(*) from (select 1 as one from device_tag where tag_id in {list} limit $2) d")
            .bind_list(ids)
            .bind(GATHERED_MAX + 1)
            .one(tx)
            .await?;
    Ok(count <= GATHERED_MAX)
}
