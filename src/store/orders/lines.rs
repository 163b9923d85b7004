//! The lines of an order, and the devices that its licences are for.

use crate::model::money::VatRate;
use crate::model::order::{OrderLine, PoolWish, VoucherWish};
use crate::model::resources::ResourceType;
use crate::model::time::Moment;
use crate::store::db::{DbError, Result, Tx, WriteTx, columns, sql};
use crate::store::ledger::decode;
use sqlx::FromRow;

#[derive(FromRow)]
struct LineRow {
    line: i64,
    product_id: i64,
    version: i64,
    name: String,
    resource_type: Option<i64>,
    years: Option<i64>,
    subscriptions: Option<i64>,
    codes: Option<i64>,
    valid_months: i64,
    quantity: i64,
    unit_price: i64,
    net: i64,
    vat_rate: i64,
    vat: i64,
}

impl LineRow {
    fn line(self) -> Result<(i64, OrderLine)> {
        let resource_type = self.resource_type.map(ResourceType::try_from).transpose().map_err(decode)?;
        let units = resource_type.zip(self.years).zip(self.subscriptions);
        let units =
            units.map(|((resource_type, years), subscriptions)| PoolWish { resource_type, years, subscriptions });
        // Without codes, units are for the own pool.
        let voucher = units.zip(self.codes).map(|(units, codes)| VoucherWish {
            name: self.name.clone(),
            resource_type: units.resource_type,
            years: units.years,
            subscriptions: units.subscriptions,
            codes,
            valid_months: self.valid_months,
        });
        let no_rate = || DbError::decode("no such rate of VAT");
        let line = OrderLine {
            product_id: self.product_id,
            version: self.version,
            name: self.name,
            pool: units.filter(|_| voucher.is_none()),
            voucher,
            quantity: self.quantity,
            unit_price: self.unit_price,
            net: self.net,
            vat_rate: VatRate::new(self.vat_rate).ok_or_else(no_rate)?,
            vat: self.vat,
        };
        Ok((self.line, line))
    }
}

/// The lines of an order with their numbers, in order.
pub async fn lines(tx: &mut Tx, order_id: i64) -> Result<Vec<(i64, OrderLine)>> {
    let found: Vec<LineRow> =
        sql("select l.line, l.product_id, l.version, l.name, l.resource_type, l.years, l.subscriptions, l.codes,
                 v.valid_months, l.quantity, l.unit_price, l.net, l.vat_rate, l.vat
             from order_line l join product_version v on v.product_id = l.product_id and v.version = l.version
             where l.order_id = $1 order by l.line")
        .bind(order_id)
        .all(tx)
        .await?;
    found.into_iter().map(LineRow::line).collect()
}

/// Adds a line to an order that the caller has locked.
pub async fn add_line(tx: &mut WriteTx, order_id: i64, number: i64, line: &OrderLine) -> Result<()> {
    let voucher = line.voucher.as_ref();
    let years = voucher.map(|v| v.years).or(line.pool.map(|p| p.years));
    let subscriptions = voucher.map(|v| v.subscriptions).or(line.pool.map(|p| p.subscriptions));
    sql(
        "insert into order_line (order_id, line, product_id, version, name, resource_type, years, subscriptions, codes,
             quantity, unit_price, net, vat_rate, vat)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(order_id)
    .bind(number)
    .bind(line.product_id)
    .bind(line.version)
    .bind(&line.name)
    .bind(line.resource_type().map(ResourceType::id))
    .bind(years)
    .bind(subscriptions)
    .bind(voucher.map(|v| v.codes))
    .bind(line.quantity)
    .bind(line.unit_price)
    .bind(line.net)
    .bind(line.vat_rate.hundredths())
    .bind(line.vat)
    .run(tx)
    .await?;
    Ok(())
}

/// Records that the units of a line went back to the vendor; `false` if they had before.
pub async fn set_taken_back(tx: &mut WriteTx, order_id: i64, number: i64, now: Moment) -> Result<bool> {
    let changed = sql("update order_line set taken_back_at = $3
         where order_id = $1 and line = $2 and taken_back_at is null")
    .bind(order_id)
    .bind(number)
    .bind(now)
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// The lines of an order whose units went back to the vendor.
pub async fn taken_back(tx: &mut Tx, order_id: i64) -> Result<Vec<i64>> {
    let found: Vec<(i64,)> =
        sql("select line from order_line where order_id = $1 and taken_back_at is not null order by line")
            .bind(order_id)
            .all(tx)
            .await?;
    Ok(found.into_iter().map(|row| row.0).collect())
}

/// Sets the VAT of a line of a draft that the caller has locked.
pub async fn set_line_vat(tx: &mut WriteTx, order_id: i64, number: i64, line: &OrderLine) -> Result<()> {
    sql("update order_line set vat_rate = $3, vat = $4 where order_id = $1 and line = $2")
        .bind(order_id)
        .bind(number)
        .bind(line.vat_rate.hundredths())
        .bind(line.vat)
        .run(tx)
        .await?;
    Ok(())
}

/// Sets whether a draft is without VAT, following its company's current status.
pub async fn set_reverse_charge(tx: &mut WriteTx, order_id: i64, on: bool) -> Result<()> {
    sql("update purchase_order set reverse_charge = $2 where id = $1 and state = 'draft'")
        .bind(order_id)
        .bind(on)
        .run(tx)
        .await?;
    Ok(())
}

/// Removes a line from an order that the caller has locked; returns whether it existed.
pub async fn remove_line(tx: &mut WriteTx, order_id: i64, number: i64) -> Result<bool> {
    sql("delete from order_serial where order_id = $1 and line = $2").bind(order_id).bind(number).run(tx).await?;
    let removed =
        sql("delete from order_line where order_id = $1 and line = $2").bind(order_id).bind(number).run(tx).await?;
    Ok(removed > 0)
}

/// Sets the totals of a draft.
pub async fn set_totals(tx: &mut WriteTx, order_id: i64, net: i64, vat: i64) -> Result<bool> {
    let changed = sql("update purchase_order set net = $2, vat = $3, total = $4 where id = $1 and state = 'draft'")
        .bind(order_id)
        .bind(net)
        .bind(vat)
        .bind(net + vat)
        .run(tx)
        .await?;
    Ok(changed > 0)
}

columns! {
    struct SerialRow<'a> {
        serial: &'a str,
        search: String,
    }
}

/// Sets the devices of a licence line.
///
/// # Errors
/// A unique violation if a device occurs twice.
pub async fn add_serials(tx: &mut WriteTx, order_id: i64, line: i64, serials: &[String]) -> Result<()> {
    let new: Vec<_> =
        serials.iter().map(|serial| SerialRow { serial, search: crate::model::company::searchable(serial) }).collect();
    sql("insert into order_serial (order_id, line, serial, serial_search)
         select $1, $2, r.serial, r.search from {rows} r")
    .bind(order_id)
    .bind(line)
    .bind_rows(&new)
    .run(tx)
    .await?;
    Ok(())
}

/// The devices of an order's licence lines: line and serial number.
pub async fn serials(tx: &mut Tx, order_id: i64) -> Result<Vec<(i64, String)>> {
    sql("select line, serial from order_serial where order_id = $1 order by line, serial_search")
        .bind(order_id)
        .all(tx)
        .await
}
