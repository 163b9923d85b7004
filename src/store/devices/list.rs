//! Lists and counts of devices.

use super::filter::Test;
use super::{Device, device_columns};
use crate::model::company::searchable;
use crate::model::device::DeviceState;
use crate::model::resources::ResourceType;
use crate::store::companies::escape_like;
use crate::store::company_scope::{CompanyScope, Listed, Order, Part};
use crate::store::db::{Query, Result, Tx, sql};

/// Sort keys of a list of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceSort {
    /// By serial number, or by name for an apartment.
    #[default]
    Label,
    Id,
}

/// Filter, order and start of a list of devices.
#[derive(Debug, Clone, Default)]
pub struct DeviceFilter {
    /// Only this company's, without its subsidiaries'.
    pub company_id: Option<i64>,
    /// Only these; empty for all.
    pub ids: Vec<i64>,
    pub state: Option<DeviceState>,
    pub service: Option<ResourceType>,
    /// Part of the serial number, name, model, MAC address or IMEI.
    pub text: String,
    /// What else must be true of each.
    pub tests: Vec<Test>,
    pub sort: DeviceSort,
    pub descending: bool,
    /// The label in lower case (or the id) and the id of the last row of the previous page.
    pub after: Option<(String, i64)>,
    /// Rows to skip; a page by `after` is faster.
    pub offset: i64,
    pub limit: i64,
}

/// A page of devices.
pub async fn list(tx: &mut Tx, scope: &CompanyScope, filter: &DeviceFilter) -> Result<Vec<Device>> {
    list_query(scope, filter).all(tx).await
}

/// The query behind [`list`]: the ids first, by the index for the order.
#[must_use]
pub fn list_query(scope: &CompanyScope, filter: &DeviceFilter) -> Query {
    let order = match (filter.sort, filter.descending) {
        (DeviceSort::Id, newest_first) => Order::by_id(newest_first),
        (DeviceSort::Label, false) => {
            Order { of_k: " order by k.label_search, k.id", of_x: " order by x.label_search, x.id" }
        }
        (DeviceSort::Label, true) => {
            Order { of_k: " order by k.label_search desc, k.id desc", of_x: " order by x.label_search desc, x.id desc" }
        }
    };
    let part = Part { order, limit: filter.limit, offset: filter.offset };
    let query = sql(device_columns!()).push("from (");
    let query = scope.ids(query, filter.listed(), |query| after(wanted(query, filter), filter), part);
    query.push(") page join device k on k.id = page.id join company o on o.id = k.company_id").push(order.of_k)
}

impl DeviceFilter {
    /// The indexes for the order, with or without a state.
    fn listed(&self) -> Listed {
        // The device's own key: the ids are known, or found first.
        if self.is_narrow() {
            return Listed { table: "device", walk: " not indexed", of_company: " not indexed" };
        }
        let has_model = self.tests.iter().any(Test::is_model);
        let is_never_paid = self.tests.iter().any(Test::is_never_paid);
        let (walk, of_company) = match (self.sort, self.state.is_some()) {
            (DeviceSort::Label, false) => (" indexed by device_label", " indexed by device_by_label"),
            (DeviceSort::Label, true) => (" indexed by device_state", " indexed by device_by_state"),
            (DeviceSort::Id, false) if is_never_paid => {
                (" indexed by device_never_paid_walk", " indexed by device_never_paid")
            }
            (DeviceSort::Id, false) if has_model => (" not indexed", " indexed by device_by_model"),
            // The table itself.
            (DeviceSort::Id, false) => (" not indexed", " indexed by device_by_company"),
            (DeviceSort::Id, true) => (" indexed by device_state_and_id", " indexed by device_by_state_and_id"),
        };
        Listed { table: "device", walk, of_company }
    }

    /// Whether it names few devices, wherever they are.
    fn is_narrow(&self) -> bool {
        !self.ids.is_empty() || self.tests.iter().any(Test::is_narrow)
    }
}

fn wanted(query: Query, filter: &DeviceFilter) -> Query {
    let mut query = query.push(" and k.removed_at is null");
    if !filter.ids.is_empty() {
        query = query.push(" and k.id in ").push_list(&filter.ids);
    }
    if let Some(state) = filter.state {
        query = query.push(" and k.state = ").push_value(state.slug());
    }
    if let Some(service) = filter.service {
        query = query.push(" and k.service = ").push_value(service);
    }
    let query = filter.tests.iter().fold(query, |query, test| test.push(query));
    if filter.text.is_empty() {
        return query;
    }
    let pattern = format!("%{}%", escape_like(&searchable(&filter.text)));
    query.push(" and k.search like ").push_value(pattern).push(" escape '\\'")
}

fn after(query: Query, filter: &DeviceFilter) -> Query {
    let Some((key, id)) = &filter.after else { return query.push(" and k.id > 0") };
    let compared = match (filter.sort, filter.descending) {
        (DeviceSort::Label, false) => " and (k.label_search, k.id) > (",
        (DeviceSort::Label, true) => " and (k.label_search, k.id) < (",
        (DeviceSort::Id, false) => return query.push(" and k.id > ").push_value(*id),
        (DeviceSort::Id, true) => return query.push(" and k.id < ").push_value(*id),
    };
    query.push(compared).push_value(key).push(", ").push_value(*id).push(")")
}

/// Counts the devices that match a filter, across all pages.
pub async fn count(tx: &mut Tx, scope: &CompanyScope, filter: &DeviceFilter) -> Result<i64> {
    let (count,): (i64,) = count_query(scope, filter).one(tx).await?;
    Ok(count)
}

/// The query behind [`count`].
#[must_use]
pub fn count_query(scope: &CompanyScope, filter: &DeviceFilter) -> Query {
    // By id, because searched rows are stored in that order.
    let tests = filter.tests.iter().map(Test::gathered).collect();
    let by_id = DeviceFilter { sort: DeviceSort::Id, tests, ..filter.clone() };
    if !by_id.is_narrow() {
        return wanted(scope.counted(by_id.listed()), &by_id);
    }
    let query = sql("select count(*) from device k").push_for(" not indexed", "").push(" where true");
    wanted(scope.holds(query, "k.company_id"), &by_id)
}
