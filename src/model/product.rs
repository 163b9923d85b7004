//! The price list: two kinds of products, and what may be on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::money::{Currency, Money, VatRate};
use super::resources::ResourceType;
use super::text::{self, TextError};

pub const NAME_LENGTH_MAX: usize = 200;
pub const DESCRIPTION_LENGTH_MAX: usize = 1_000;
/// How many device models a licence may name, and the length of each name.
pub const MODELS_MAX: usize = 100;
pub const MODEL_LENGTH_MAX: usize = 100;
/// The longest term of a licence.
pub const TERM_MONTHS_MAX: i64 = 1_200;

/// How long vouchers can be redeemed unless the product says otherwise, and at most.
pub const VALID_MONTHS: i64 = 36;
pub const VALID_MONTHS_MAX: i64 = 120;

/// What is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProductKind {
    /// Prepaid units: years of devices or apartments, credits and packs; as codes, or for the buyer's own pool.
    Voucher,
    /// A right to use a feature on one device, as a signed key.
    Licence,
}

impl ProductKind {
    pub const ALL: [ProductKind; 2] = [ProductKind::Voucher, ProductKind::Licence];

    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            ProductKind::Voucher => "voucher",
            ProductKind::Licence => "licence",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<ProductKind> {
        ProductKind::ALL.into_iter().find(|kind| kind.slug() == slug)
    }
}

/// What a product costs, in minor units of its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Price {
    /// Per year, and per unit of the other types, by slug; at least one has a price, and what has none is not offered.
    Voucher {
        device: Option<i64>,
        apartment: Option<i64>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        units: BTreeMap<String, i64>,
        #[serde(default = "usual_months", skip_serializing_if = "is_usual")]
        valid_months: i64,
    },
    /// Per device: of these models, or of any if none is named; without a term it never ends.
    Licence { licence: i64, models: Vec<String>, term_months: Option<i64> },
}

fn usual_months() -> i64 {
    VALID_MONTHS
}

fn is_usual(months: &i64) -> bool {
    *months == VALID_MONTHS
}

impl Price {
    #[must_use]
    pub fn kind(&self) -> ProductKind {
        match self {
            Price::Voucher { .. } => ProductKind::Voucher,
            Price::Licence { .. } => ProductKind::Licence,
        }
    }

    /// In words: "12.00 EUR per device and year, 18.00 EUR per apartment and year". That vouchers are valid for three
    /// years is the rule, so only another term is named.
    #[must_use]
    pub fn words(&self, currency: Currency) -> String {
        let money = |minor: i64| Money::new(minor, currency).to_string();
        match self {
            Price::Voucher { device, apartment, units, valid_months } => {
                let device = device.map(|price| format!("{} per device and year", money(price)));
                let apartment = apartment.map(|price| format!("{} per apartment and year", money(price)));
                let unit = |t: ResourceType| Some(format!("{} per {}", money(*units.get(t.slug())?), t.label()));
                let term = (*valid_months != VALID_MONTHS)
                    .then(|| format!("vouchers valid for {}", months_in_words(*valid_months)));
                let prices = device.into_iter().chain(apartment).chain(ResourceType::all().filter_map(unit));
                prices.chain(term).collect::<Vec<_>>().join(", ")
            }
            Price::Licence { licence, term_months: None, .. } => {
                format!("{} per device, without an end", money(*licence))
            }
            Price::Licence { licence, term_months: Some(months), .. } => {
                format!("{} per device for {}", money(*licence), months_in_words(*months))
            }
        }
    }
}

/// The new state of a product on the price list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    pub name: String,
    pub description: String,
    pub currency: Currency,
    pub price: Price,
    pub vat_class_id: i64,
}

impl Product {
    /// Its prices in words: see [`Price::words`].
    #[must_use]
    pub fn prices(&self) -> String {
        self.price.words(self.currency)
    }
}

/// "1 month", "12 months".
#[must_use]
pub fn months_in_words(months: i64) -> String {
    if months == 1 { "1 month".into() } else { format!("{months} months") }
}

/// How long vouchers are valid, in whole years if it is some: "3 years", "18 months".
#[must_use]
pub fn validity_in_words(months: i64) -> String {
    match months {
        12 => "1 year".into(),
        _ if months % 12 == 0 => format!("{} years", months / 12),
        _ => months_in_words(months),
    }
}

/// A named VAT rate that products refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VatClass {
    pub id: i64,
    pub name: String,
    pub rate: VatRate,
}

/// Why a list of device models is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelsError {
    TooMany,
    TooLong,
}

/// The device models that a licence fits, one per line. Duplicates count once.
pub fn models(text: &str) -> Result<Vec<String>, ModelsError> {
    let mut models: Vec<String> = Vec::new();
    for line in text.split('\n') {
        let model = text::line(line, MODEL_LENGTH_MAX).map_err(|_| ModelsError::TooLong)?;
        if !model.is_empty() && !models.contains(&model) {
            models.push(model);
        }
    }
    if models.len() > MODELS_MAX { Err(ModelsError::TooMany) } else { Ok(models) }
}

/// The name of a product or VAT class.
pub fn name(name: &str) -> Result<String, TextError> {
    text::required(text::line(name, NAME_LENGTH_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_read_one_per_line() {
        assert_eq!(models(" Axis One \r\n\r\nVerso\nVerso"), Ok(vec!["Axis One".into(), "Verso".into()]));
        assert_eq!(models(""), Ok(Vec::new()));
        assert_eq!(models(&"x".repeat(101)), Err(ModelsError::TooLong));
        let many: Vec<String> = (0..=MODELS_MAX).map(|n| n.to_string()).collect();
        assert_eq!(models(&many.join("\n")), Err(ModelsError::TooMany));
    }
}
