//! The price list. Changing a product adds a version; earlier versions stay unchanged.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::db::{Result, Tx, WriteTx, sql};
use super::ledger::{decode, reserve};
use crate::model::company::searchable;
use crate::model::money::{Currency, Money, VatRate};
use crate::model::product::{Price, Product, ProductKind, VALID_MONTHS, months_in_words};
use crate::model::resources::ResourceType;
use crate::model::time::Moment;

/// A version of a product, with the current state of its VAT class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductRow {
    pub product_id: i64,
    pub version: i64,
    pub kind: ProductKind,
    pub name: String,
    pub description: String,
    pub currency: Currency,
    /// Minor units: per device and year, per apartment and year, per licence.
    pub device_price: Option<i64>,
    pub apartment_price: Option<i64>,
    pub licence_price: Option<i64>,
    /// Of one unit of the other types, by slug.
    pub unit_prices: BTreeMap<String, i64>,
    /// How long vouchers can be redeemed.
    pub valid_months: i64,
    /// The device models that a licence fits; empty for all.
    pub models: Vec<String>,
    pub term_months: Option<i64>,
    pub vat_rate: VatRate,
    pub vat_class_id: i64,
    pub vat_class_name: String,
    /// Whether the product, not just this version, is offered now.
    pub is_offered: bool,
    /// When this version was created, in microseconds, and by whom.
    pub since: i64,
    pub changed_by: String,
}

impl ProductRow {
    /// One of its prices.
    #[must_use]
    pub fn money(&self, minor: &i64) -> Money {
        Money::new(*minor, self.currency)
    }

    /// What one unit of a type costs; `None` if the product does not sell it.
    #[must_use]
    pub fn unit_price(&self, resource_type: ResourceType) -> Option<i64> {
        match resource_type {
            ResourceType::DEVICE_YEAR => self.device_price,
            ResourceType::APARTMENT_YEAR => self.apartment_price,
            other => self.unit_prices.get(other.slug()).copied(),
        }
    }

    /// The types that it sells: subscriptions first, then the others in the order of the screen.
    #[must_use]
    pub fn types(&self) -> Vec<ResourceType> {
        let (by_year, others): (Vec<_>, Vec<_>) = ResourceType::all().partition(|t| t.is_by_year());
        by_year.into_iter().chain(others).filter(|t| self.unit_price(*t).is_some()).collect()
    }

    /// Those of its types that are not counted in years.
    #[must_use]
    pub fn other_types(&self) -> Vec<ResourceType> {
        self.types().into_iter().filter(|t| !t.is_by_year()).collect()
    }

    /// What one unit of a type that it sells costs.
    #[must_use]
    pub fn unit_money(&self, resource_type: &ResourceType) -> Money {
        Money::new(self.unit_price(*resource_type).unwrap_or_default(), self.currency)
    }

    /// Whether it fits devices of this model.
    #[must_use]
    pub fn suits(&self, model: &str) -> bool {
        let wanted = searchable(model);
        self.models.is_empty() || self.models.iter().any(|m| searchable(m) == wanted)
    }

    /// How long a licence is valid.
    #[must_use]
    pub fn term(&self) -> String {
        self.term_months.map_or_else(|| "without an end".into(), months_in_words)
    }

    /// The operator's input.
    #[must_use]
    pub fn as_product(&self) -> Product {
        let price = match self.kind {
            ProductKind::Voucher => Price::Voucher {
                device: self.device_price,
                apartment: self.apartment_price,
                units: self.unit_prices.clone(),
                valid_months: self.valid_months,
            },
            ProductKind::Licence => Price::Licence {
                licence: self.licence_price.unwrap_or_default(),
                models: self.models.clone(),
                term_months: self.term_months,
            },
        };
        Product {
            name: self.name.clone(),
            description: self.description.clone(),
            currency: self.currency,
            price,
            vat_class_id: self.vat_class_id,
        }
    }
}

/// A value that no version of this program writes.
#[derive(Debug, thiserror::Error)]
#[error("there is no {0} {1:?}")]
pub(super) struct Unknown(pub &'static str, pub String);

#[derive(FromRow)]
struct StoredRow {
    product_id: i64,
    version: i64,
    kind: String,
    name: String,
    description: String,
    currency: String,
    device_price: Option<i64>,
    apartment_price: Option<i64>,
    licence_price: Option<i64>,
    unit_prices: String,
    valid_months: i64,
    models: String,
    term_months: Option<i64>,
    vat_rate: i64,
    vat_class_id: i64,
    vat_class_name: String,
    is_offered: i64,
    since: i64,
    changed_by: String,
}

impl StoredRow {
    fn read(self) -> Result<ProductRow> {
        let kind = ProductKind::from_slug(&self.kind);
        let currency = Currency::from_code(&self.currency);
        Ok(ProductRow {
            product_id: self.product_id,
            version: self.version,
            kind: kind.ok_or_else(|| decode(Unknown("kind", self.kind)))?,
            name: self.name,
            description: self.description,
            currency: currency.ok_or_else(|| decode(Unknown("currency", self.currency)))?,
            device_price: self.device_price,
            apartment_price: self.apartment_price,
            licence_price: self.licence_price,
            unit_prices: serde_json::from_str(&self.unit_prices).map_err(decode)?,
            valid_months: self.valid_months,
            models: self.models.lines().map(str::to_owned).collect(),
            term_months: self.term_months,
            vat_rate: super::vat_classes::rate(self.vat_rate)?,
            vat_class_id: self.vat_class_id,
            vat_class_name: self.vat_class_name,
            is_offered: self.is_offered == 1,
            since: self.since,
            changed_by: self.changed_by,
        })
    }
}

macro_rules! product_sql {
    ($which:literal) => {
        concat!(
            "select p.id as product_id, v.version, p.kind, v.name, v.description, v.currency, v.device_price,
                 v.apartment_price, v.licence_price, v.unit_prices, v.valid_months, v.models, v.term_months, t.rate as vat_rate,
                 t.id as vat_class_id, t.name as vat_class_name, p.is_offered, v.created_at as since,
                 u.email as changed_by
             from product p join product_version v on v.product_id = p.id
             join vat_class t on t.id = v.vat_class_id join person u on u.id = v.created_by ",
            $which
        )
    };
}

fn by_name(found: Vec<StoredRow>) -> Result<Vec<ProductRow>> {
    let mut products: Vec<ProductRow> = found.into_iter().map(StoredRow::read).collect::<Result<_>>()?;
    products.sort_by_cached_key(|p| (searchable(&p.name), p.product_id));
    Ok(products)
}

/// Current versions of the offered products of a kind, by name.
pub async fn offered(tx: &mut Tx, kind: ProductKind) -> Result<Vec<ProductRow>> {
    let query = sql(product_sql!("where v.version = p.version and p.is_offered = 1 and p.kind = $1 order by p.id"));
    by_name(query.bind(kind.slug()).all(tx).await?)
}

/// The current version of each product, offered or not, by name. They are few: `ops` limits them.
pub async fn all(tx: &mut Tx) -> Result<Vec<ProductRow>> {
    by_name(sql(product_sql!("where v.version = p.version order by p.id")).all(tx).await?)
}

/// The current version of a product, offered or not.
pub async fn current(tx: &mut Tx, id: i64) -> Result<Option<ProductRow>> {
    let query = sql(product_sql!("where p.id = $1 and v.version = p.version"));
    query.bind(id).optional::<StoredRow>(tx).await?.map(StoredRow::read).transpose()
}

/// A version of a product, current or not.
pub async fn version(tx: &mut Tx, id: i64, version: i64) -> Result<Option<ProductRow>> {
    let query = sql(product_sql!("where p.id = $1 and v.version = $2"));
    query.bind(id).bind(version).optional::<StoredRow>(tx).await?.map(StoredRow::read).transpose()
}

/// The versions of a product, newest first.
pub async fn versions(tx: &mut Tx, id: i64, limit: i64) -> Result<Vec<ProductRow>> {
    let query = sql(product_sql!("where p.id = $1 order by v.version desc limit $2"));
    let found: Vec<StoredRow> = query.bind(id).bind(limit).all(tx).await?;
    found.into_iter().map(StoredRow::read).collect()
}

/// Adds a product in its first version, offered.
pub async fn insert(tx: &mut WriteTx, product: &Product, by: i64, now: Moment) -> Result<i64> {
    let id = reserve(tx, "product", 1).await?[0];
    sql("insert into product (id, kind, version, is_offered, created_at) values ($1, $2, 1, 1, $3)")
        .bind(id)
        .bind(product.price.kind().slug())
        .bind(now)
        .run(tx)
        .await?;
    insert_version(tx, id, 1, product, by, now).await?;
    Ok(id)
}

/// Adds a version to a product if `version` is still current; returns whether it was.
pub async fn change(tx: &mut WriteTx, id: i64, version: i64, product: &Product, by: i64, now: Moment) -> Result<bool> {
    let changed = sql("update product set version = version + 1 where id = $1 and version = $2")
        .bind(id)
        .bind(version)
        .run(tx)
        .await?;
    if changed == 0 {
        return Ok(false);
    }
    insert_version(tx, id, version + 1, product, by, now).await?;
    Ok(true)
}

async fn insert_version(
    tx: &mut WriteTx,
    id: i64,
    version: i64,
    product: &Product,
    by: i64,
    now: Moment,
) -> Result<()> {
    let (device, apartment, licence, models, term_months) = match &product.price {
        Price::Voucher { device, apartment, .. } => (*device, *apartment, None, String::new(), None),
        Price::Licence { licence, models, term_months } => {
            (None, None, Some(*licence), models.join("\n"), *term_months)
        }
    };
    let (units, valid_months) = match &product.price {
        Price::Voucher { units, valid_months, .. } => (serde_json::to_string(units).map_err(decode)?, *valid_months),
        Price::Licence { .. } => ("{}".to_owned(), VALID_MONTHS),
    };
    sql("insert into product_version (product_id, version, name, description, currency, device_price,
             apartment_price, licence_price, models, term_months, vat_class_id, created_at, created_by, unit_prices,
             valid_months)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)")
    .bind(id)
    .bind(version)
    .bind(&product.name)
    .bind(&product.description)
    .bind(product.currency.code())
    .bind(device)
    .bind(apartment)
    .bind(licence)
    .bind(models)
    .bind(term_months)
    .bind(product.vat_class_id)
    .bind(now)
    .bind(by)
    .bind(units)
    .bind(valid_months)
    .run(tx)
    .await?;
    Ok(())
}

/// Sets whether a product is offered; returns whether that changed.
pub async fn set_offered(tx: &mut WriteTx, id: i64, on: bool) -> Result<bool> {
    let changed =
        sql("update product set is_offered = $2 where id = $1 and is_offered <> $2").bind(id).bind(on).run(tx).await?;
    Ok(changed > 0)
}
