//! The report on what a company did with its resources in a period.

use jiff::civil::Date;

use super::resources::ResourceType;

/// What a company did, each list oldest first.
#[derive(Debug, Clone)]
pub struct CreditReport {
    pub company: String,
    /// The only type that it is about; `None` for all.
    pub resource_type: Option<ResourceType>,
    pub first_day: Date,
    pub last_day: Date,
    pub child_pools: Vec<ChildPool>,
    pub uses: Vec<Use>,
    pub codes: Vec<ReportedCode>,
    pub data: Vec<ReportedData>,
}

/// What a company below received of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildPool {
    pub company_id: i64,
    pub company: String,
    pub resource_type: ResourceType,
    pub count: i64,
}

/// A unit that a device used.
#[derive(Debug, Clone)]
pub struct Use {
    pub serial: Option<String>,
    pub mac: Option<String>,
    pub pool_id: i64,
    pub amount: i64,
    /// In microseconds.
    pub at: i64,
    /// `None` if the portal itself extended the device.
    pub username: Option<String>,
}

/// A code that was made.
#[derive(Debug, Clone)]
pub struct ReportedCode {
    pub code: String,
    pub resource_type: ResourceType,
    pub amount: i64,
    pub is_used: bool,
    pub used_by_company_id: Option<i64>,
    pub created_at: i64,
}

/// A purchase of data.
#[derive(Debug, Clone)]
pub struct ReportedData {
    pub credits: i64,
    pub mebibytes: i64,
    /// In microseconds.
    pub at: i64,
    pub username: Option<String>,
}

/// Sums over all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// How many pools of companies below were filled.
    pub child_pools: i64,
    /// The units that these received.
    pub child_company_credits: i64,
    /// How often devices used units.
    pub pool_logs: i64,
    pub credits_for_devices: i64,
    /// The units in the codes that were made.
    pub transfer_codes_credits: i64,
    /// The credits that became data.
    pub data_purchase: i64,
}

impl CreditReport {
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals {
            child_pools: self.child_pools.len() as i64,
            child_company_credits: self.child_pools.iter().map(|pool| pool.count).sum(),
            pool_logs: self.uses.len() as i64,
            credits_for_devices: self.uses.iter().map(|used| used.amount).sum(),
            transfer_codes_credits: self.codes.iter().map(|code| code.amount).sum(),
            data_purchase: self.data.iter().map(|data| data.credits).sum(),
        }
    }
}
