//! Orders: what is bought, at what price, and the state of the order.
//!
//! A line is priced once, when it is added, and keeps its price. VAT is rounded per line.

mod state;

pub use state::{DisputeState, Method, OrderState};

use super::money::{Currency, MONEY_MAX, Money, VatRate};
use super::resources::ResourceType;

pub const YEARS_MAX: i64 = 10;
pub const SUBSCRIPTIONS_MAX: i64 = 100_000;
/// Most codes of one order, all lines together.
pub const CODES_MAX: i64 = 100_000;
pub const LINES_MAX: i64 = 20;
pub const VOUCHER_NAME_LENGTH_MAX: usize = 100;
/// Most devices in one order of licences.
pub const SERIALS_MAX: usize = 1_000;
/// How long a draft is kept with its prices.
pub const DRAFT_DAYS: i64 = 7;

/// A product at its current price.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    pub product_id: i64,
    pub version: i64,
    pub price: Money,
    pub vat_rate: VatRate,
}

/// The requested voucher: `subscriptions` devices or apartments for `years` years, in `codes` codes with the same
/// content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoucherWish {
    pub name: String,
    pub resource_type: ResourceType,
    pub years: i64,
    pub subscriptions: i64,
    pub codes: i64,
    /// How long its codes can be redeemed, from the day of payment.
    pub valid_months: i64,
}

/// Units requested for the buyer's own pool: `subscriptions` devices or apartments for `years` years; of types that are
/// not counted in years, that many units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolWish {
    pub resource_type: ResourceType,
    pub years: i64,
    pub subscriptions: i64,
}

/// A line of an order. Money is in minor units of the order's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    pub product_id: i64,
    pub version: i64,
    pub name: String,
    /// Only for vouchers.
    pub voucher: Option<VoucherWish>,
    /// Only for the own pool. A licence has neither.
    pub pool: Option<PoolWish>,
    pub quantity: i64,
    pub unit_price: i64,
    pub net: i64,
    pub vat_rate: VatRate,
    pub vat: i64,
}

/// Why something cannot be ordered or paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderError {
    Years,
    /// The type is not counted in years.
    NotByYear,
    Subscriptions,
    Codes,
    /// The codes would not all hold the same.
    Uneven,
    /// More money than an order may cost.
    TooMuch,
    /// The product has no price for this, or is no longer offered.
    NotOffered,
    /// All lines of an order are in one currency.
    OtherCurrency {
        order: Currency,
        line: Currency,
    },
    /// The vouchers of an order expire on one day.
    OtherValidity {
        order: i64,
        line: i64,
    },
    TooManyLines,
    /// More codes than an order may have.
    TooManyCodes,
    Empty,
    /// It was already placed, so it can no longer change.
    NotDraft,
    /// It was paid or cancelled.
    NotOpen,
    /// Its payment is disputed.
    Disputed,
    /// Its units went back to the vendor before.
    TakenBack,
    /// The vendor has not entered the seller's data.
    NoSeller,
    CardsOff,
    /// The company has not saved a card.
    NoSavedCard,
    /// The amount paid is not the amount due.
    OtherAmount {
        due: Money,
    },
    FutureDay,
    OldDay,
    /// The buyer would be the vendor itself.
    Vendor,
    /// The sum cannot be charged to a card.
    NotForCards,
    /// The payer is done, but the money has not arrived.
    UnderWay,
    /// The card provider cannot be reached, or refused.
    ProviderFailed,
}

impl OrderLine {
    /// A voucher: subscriptions times years, each at the offer's price.
    pub fn voucher(offer: &Offer, wish: VoucherWish) -> Result<OrderLine, OrderError> {
        let quantity = units(wish.resource_type, wish.years, wish.subscriptions)?;
        between(wish.codes, CODES_MAX.min(wish.subscriptions), OrderError::Codes)?;
        if wish.subscriptions % wish.codes != 0 {
            return Err(OrderError::Uneven);
        }
        let line = OrderLine::priced(offer, wish.name.clone(), quantity)?;
        Ok(OrderLine { voucher: Some(wish), ..line })
    }

    /// Units for the own pool.
    ///
    /// # Errors
    /// The field that is out of range, or [`OrderError::TooMuch`].
    pub fn for_pool(offer: &Offer, name: &str, wish: PoolWish) -> Result<OrderLine, OrderError> {
        let quantity = units(wish.resource_type, wish.years, wish.subscriptions)?;
        let line = OrderLine::priced(offer, name.to_owned(), quantity)?;
        Ok(OrderLine { pool: Some(wish), ..line })
    }

    /// A licence for `devices` devices.
    ///
    /// # Errors
    /// [`OrderError::TooMuch`].
    pub fn licence(offer: &Offer, name: &str, devices: i64) -> Result<OrderLine, OrderError> {
        OrderLine::priced(offer, name.to_owned(), devices)
    }

    /// What is bought, if it is units and not licences.
    #[must_use]
    pub fn resource_type(&self) -> Option<ResourceType> {
        let of_voucher = self.voucher.as_ref().map(|wish| wish.resource_type);
        of_voucher.or(self.pool.map(|wish| wish.resource_type))
    }

    /// The line at another VAT rate; its price stays.
    ///
    /// # Errors
    /// [`OrderError::TooMuch`].
    pub fn with_vat_rate(&self, rate: VatRate, currency: Currency) -> Result<OrderLine, OrderError> {
        let net = Money::new(self.net, currency);
        let vat = rate.of(net);
        net.plus(vat).ok_or(OrderError::TooMuch)?;
        Ok(OrderLine { vat_rate: rate, vat: vat.minor, ..self.clone() })
    }

    fn priced(offer: &Offer, name: String, quantity: i64) -> Result<OrderLine, OrderError> {
        let net = offer.price.times(quantity).ok_or(OrderError::TooMuch)?;
        let vat = offer.vat_rate.of(net);
        net.plus(vat).ok_or(OrderError::TooMuch)?;
        Ok(OrderLine {
            product_id: offer.product_id,
            version: offer.version,
            name,
            voucher: None,
            pool: None,
            quantity,
            unit_price: offer.price.minor,
            net: net.minor,
            vat_rate: offer.vat_rate,
            vat: vat.minor,
        })
    }
}

/// The units that years and subscriptions come to.
fn units(resource_type: ResourceType, years: i64, subscriptions: i64) -> Result<i64, OrderError> {
    between(years, YEARS_MAX, OrderError::Years)?;
    if years > 1 && !resource_type.is_by_year() {
        return Err(OrderError::NotByYear);
    }
    between(subscriptions, SUBSCRIPTIONS_MAX, OrderError::Subscriptions)?;
    Ok(years * subscriptions)
}

fn between(n: i64, maximum: i64, error: OrderError) -> Result<(), OrderError> {
    if (1..=maximum).contains(&n) { Ok(()) } else { Err(error) }
}

impl PoolWish {
    #[must_use]
    pub fn units(&self) -> i64 {
        self.years * self.subscriptions
    }
}

impl VoucherWish {
    /// The units in each of its codes.
    #[must_use]
    pub fn units_per_code(&self) -> i64 {
        self.years * (self.subscriptions / self.codes)
    }
}

/// What an invoice calls one unit.
#[must_use]
pub fn unit(resource_type: ResourceType) -> &'static str {
    match resource_type {
        ResourceType::DEVICE_YEAR => "device-year",
        ResourceType::APARTMENT_YEAR => "apartment-year",
        ResourceType::CREDIT => "credit",
        _ => "pack",
    }
}

/// Net and VAT of lines; `None` if they exceed the limit of an order.
#[must_use]
pub fn totals<'a>(lines: impl IntoIterator<Item = &'a OrderLine>) -> Option<(i64, i64)> {
    let (mut net, mut vat) = (0_i64, 0_i64);
    for line in lines {
        net += line.net;
        vat += line.vat;
        if net + vat > MONEY_MAX {
            return None;
        }
    }
    Some((net, vat))
}

/// How many codes of each line are among the first `count` of an order: they are created line by line.
pub fn among_first(lines: &[(i64, OrderLine)], count: i64) -> impl Iterator<Item = i64> {
    lines.iter().scan(count, |left, (_, line)| {
        let codes = line.voucher.as_ref().map_or(0, |wish| wish.codes).min(*left);
        *left -= codes;
        Some(codes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::money::Currency;

    fn offer(price: i64, rate: i64) -> Offer {
        let price = Money::new(price, Currency::from_code("EUR").unwrap());
        Offer { product_id: 1, version: 1, price, vat_rate: VatRate::new(rate).unwrap() }
    }

    fn wish(years: i64, subscriptions: i64, codes: i64) -> VoucherWish {
        let (name, resource_type) = ("Video".to_owned(), ResourceType::DEVICE_YEAR);
        VoucherWish { name, resource_type, years, subscriptions, codes, valid_months: 36 }
    }

    #[test]
    fn only_subscriptions_are_counted_in_years() {
        let wish = |resource_type, years| PoolWish { resource_type, years, subscriptions: 10 };
        let line = |wish| OrderLine::for_pool(&offer(100, 0), "Video", wish).map(|line| line.quantity);
        assert_eq!(line(wish(ResourceType::DEVICE_YEAR, 3)), Ok(30));
        assert_eq!(line(wish(ResourceType::CREDIT, 1)), Ok(10));
        assert_eq!(line(wish(ResourceType::CREDIT, 3)), Err(OrderError::NotByYear));
    }

    #[test]
    fn a_voucher_costs_its_years_times_its_subscriptions() {
        let line = OrderLine::voucher(&offer(1_199, 2_100), wish(3, 10, 5)).unwrap();
        assert_eq!((line.quantity, line.net, line.vat), (30, 35_970, 7_554));
        assert_eq!(line.voucher.unwrap().units_per_code(), 6);
    }

    #[test]
    fn vat_is_rounded_line_by_line() {
        // 1 % of 0.50 is half a cent and rounds to one. Three such lines together would be 1.5 cents, rounded to two.
        let line = OrderLine::voucher(&offer(50, 100), wish(1, 1, 1)).unwrap();
        assert_eq!(line.vat, 1);
        assert_eq!(totals([&line, &line, &line]), Some((150, 3)));
    }

    #[test]
    fn codes_are_made_line_by_line() {
        let voucher = |codes| OrderLine::voucher(&offer(100, 0), wish(1, codes, codes)).unwrap();
        let lines = [(1, voucher(3)), (2, OrderLine::licence(&offer(100, 0), "Pro", 7).unwrap()), (5, voucher(4))];
        for (count, of_lines) in [(0, [0, 0, 0]), (2, [2, 0, 0]), (4, [3, 0, 1]), (7, [3, 0, 4]), (9, [3, 0, 4])] {
            assert_eq!(among_first(&lines, count).collect::<Vec<_>>(), of_lines);
        }
    }

    #[test]
    fn invalid_lines_are_refused_with_a_reason() {
        for (years, subscriptions, codes, error) in [
            (0, 1, 1, OrderError::Years),
            (11, 1, 1, OrderError::Years),
            (1, 0, 1, OrderError::Subscriptions),
            (1, 100_001, 1, OrderError::Subscriptions),
            (1, 10, 0, OrderError::Codes),
            (1, 10, 11, OrderError::Codes),
            (1, 10, 3, OrderError::Uneven),
        ] {
            assert_eq!(OrderLine::voucher(&offer(100, 0), wish(years, subscriptions, codes)), Err(error));
        }
        let expensive = offer(MONEY_MAX, 0);
        assert_eq!(OrderLine::voucher(&expensive, wish(1, 2, 1)), Err(OrderError::TooMuch));
        let line = OrderLine::voucher(&expensive, wish(1, 1, 1)).unwrap();
        assert_eq!(totals([&line, &line]), None);
    }
}
