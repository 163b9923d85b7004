//! The parts of forms: a label, help below it, the reason of a refusal next to it. Defined once here, rendered by
//! `templates/parts`.

use askama::Template;
use askama::filters::HtmlSafe;

use super::form::Form;
use crate::model::company::CompanyName;
use crate::model::country;
use crate::model::invoice::Billing;
use crate::model::resources::{Family, ResourceType};
use crate::ops::billing::BillingFields;
use crate::ops::companies::Choices;

/// A single-line input.
#[derive(Template)]
#[template(path = "parts/input.html")]
pub struct Input<'a> {
    name: &'a str,
    label: &'a str,
    help: &'a str,
    kind: &'a str,
    autocomplete: &'a str,
    /// The keyboard that a phone shows; empty for the usual one.
    inputmode: &'a str,
    value: &'a str,
    problem: Option<&'a str>,
    is_required: bool,
    is_optional: bool,
}

#[derive(Template)]
#[template(path = "parts/select.html")]
pub struct Select<'a> {
    name: &'a str,
    label: &'a str,
    help: &'a str,
    value: &'a str,
    problem: Option<&'a str>,
    options: Vec<(String, String)>,
}

/// The Type field, grouped by family.
#[derive(Template)]
#[template(path = "parts/type.html")]
pub struct TypeField<'a> {
    value: &'a str,
    problem: Option<&'a str>,
    families: Vec<(Family, Vec<ResourceType>)>,
}

/// A choice of a company: a list if they are few, a search if they are many.
#[derive(Template)]
#[template(path = "parts/company.html")]
pub struct CompanyField<'a> {
    name: &'a str,
    label: &'a str,
    help: &'a str,
    value: &'a str,
    problem: Option<&'a str>,
    companies: &'a [CompanyName],
    is_search: bool,
}

/// The Amount field, with a button that fills in the whole balance.
#[derive(Template)]
#[template(path = "parts/amount.html")]
pub struct AmountField<'a> {
    value: &'a str,
    problem: Option<&'a str>,
    has_all: bool,
}

/// A multi-line text.
#[derive(Template)]
#[template(path = "parts/textarea.html")]
pub struct TextArea<'a> {
    name: &'a str,
    label: &'a str,
    help: &'a str,
    value: &'a str,
    problem: Option<&'a str>,
    is_optional: bool,
    /// The maximum length in characters.
    maximum: usize,
}

/// The default length limit of a multi-line text, in characters.
const AREA_LENGTH_MAX: usize = 1_000;

/// The billing data: the fields of [`crate::ops::billing::BillingFields`].
#[derive(Template)]
#[template(path = "parts/billing.html")]
pub struct BillingForm<'a> {
    form: &'a Form,
    countries: Vec<(String, String)>,
}

/// What is wrong with the form as a whole; it takes the focus.
#[derive(Template)]
#[template(path = "parts/problems.html")]
pub struct Problems<'a> {
    form: &'a Form,
}

impl HtmlSafe for Input<'_> {}
impl HtmlSafe for Select<'_> {}
impl HtmlSafe for TypeField<'_> {}
impl HtmlSafe for CompanyField<'_> {}
impl HtmlSafe for AmountField<'_> {}
impl HtmlSafe for TextArea<'_> {}
impl HtmlSafe for BillingForm<'_> {}
impl HtmlSafe for Problems<'_> {}

impl Form {
    pub fn input<'a>(&'a self, name: &'a str, label: &'a str, help: &'a str) -> Input<'a> {
        Input {
            name,
            label,
            help,
            kind: "text",
            autocomplete: "off",
            inputmode: "",
            value: self.value(name),
            problem: self.problem(name),
            is_required: true,
            is_optional: false,
        }
    }

    pub fn optional<'a>(&'a self, name: &'a str, label: &'a str, help: &'a str) -> Input<'a> {
        Input { is_optional: true, ..self.required_by_others(name, label, help) }
    }

    /// An input that another field makes required or not; the help says when.
    pub fn required_by_others<'a>(&'a self, name: &'a str, label: &'a str, help: &'a str) -> Input<'a> {
        Input { is_required: false, ..self.input(name, label, help) }
    }

    pub fn email<'a>(&'a self, name: &'a str, label: &'a str, help: &'a str, autocomplete: &'a str) -> Input<'a> {
        Input { kind: "email", autocomplete, ..self.input(name, label, help) }
    }

    /// An optional number.
    pub fn count<'a>(&'a self, name: &'a str, label: &'a str, help: &'a str) -> Input<'a> {
        Input { inputmode: "numeric", ..self.optional(name, label, help) }
    }

    pub fn number<'a>(&'a self, name: &'a str, label: &'a str, help: &'a str) -> Input<'a> {
        Input { inputmode: "numeric", ..self.input(name, label, help) }
    }

    /// A price that another field makes required or not.
    pub fn price<'a>(&'a self, name: &'a str, label: &'a str, help: &'a str) -> Input<'a> {
        Input { inputmode: "decimal", ..self.required_by_others(name, label, help) }
    }

    pub fn date<'a>(&'a self, name: &'a str, label: &'a str, help: &'a str) -> Input<'a> {
        Input { kind: "date", ..self.input(name, label, help) }
    }

    /// An optional day.
    pub fn optional_date<'a>(&'a self, name: &'a str, label: &'a str, help: &'a str) -> Input<'a> {
        Input { kind: "date", ..self.optional(name, label, help) }
    }

    /// A month: "2026-11".
    pub fn month<'a>(&'a self, name: &'a str, label: &'a str) -> Input<'a> {
        Input { kind: "month", ..self.required_by_others(name, label, "") }
    }

    /// A password, which is never shown again.
    pub fn password<'a>(&'a self, name: &'a str, label: &'a str, help: &'a str, autocomplete: &'a str) -> Input<'a> {
        Input { kind: "password", autocomplete, value: "", ..self.input(name, label, help) }
    }

    /// A single-use code. It is never shown again.
    pub fn one_time_code<'a>(&'a self, name: &'a str, label: &'a str, help: &'a str) -> Input<'a> {
        let (autocomplete, inputmode) = ("one-time-code", "numeric");
        Input { autocomplete, inputmode, value: "", ..self.input(name, label, help) }
    }

    pub fn types(&self) -> TypeField<'_> {
        let families = Family::ALL.into_iter().map(|f| (f, f.types().collect())).collect();
        TypeField { value: self.value("type"), problem: self.problem("type"), families }
    }

    pub fn amount(&self, has_all: bool) -> AmountField<'_> {
        AmountField { value: self.value("amount"), problem: self.problem("amount"), has_all }
    }

    pub fn area<'a>(&'a self, name: &'a str, label: &'a str, help: &'a str) -> TextArea<'a> {
        let (value, problem) = (self.value(name), self.problem(name));
        TextArea { name, label, help, value, problem, is_optional: true, maximum: AREA_LENGTH_MAX }
    }

    /// A list with one name per line, which may be empty.
    pub fn list<'a>(&'a self, name: &'a str, label: &'a str, help: &'a str, maximum: usize) -> TextArea<'a> {
        TextArea { maximum, ..self.area(name, label, help) }
    }

    /// A list with one name per line, which must not be empty.
    pub fn required_list<'a>(&'a self, name: &'a str, label: &'a str, help: &'a str, maximum: usize) -> TextArea<'a> {
        TextArea { is_optional: false, ..self.list(name, label, help, maximum) }
    }

    /// A multi-line text that must not be empty.
    pub fn required_area<'a>(&'a self, name: &'a str, label: &'a str, help: &'a str) -> TextArea<'a> {
        TextArea { is_optional: false, ..self.area(name, label, help) }
    }

    pub fn billing(&self) -> BillingForm<'_> {
        BillingForm { form: self, countries: countries() }
    }

    /// The values of the fields of [`Form::billing`].
    pub fn billing_fields(&self) -> BillingFields<'_> {
        BillingFields {
            name: self.value("billing_name"),
            address: self.value("billing_address"),
            country: self.value("billing_country"),
            vat_number: self.value("billing_vat_number"),
            email: self.value("billing_email"),
        }
    }

    /// Fills the fields of [`Form::billing`] with known data, unless something was typed.
    pub fn or_billing(self, known: Option<Billing>) -> Form {
        let Billing { name, address, country, vat_number, email } = known.unwrap_or_default();
        self.or("billing_name", name)
            .or("billing_address", address)
            .or("billing_country", country)
            .or("billing_vat_number", vat_number)
            .or("billing_email", email)
    }

    pub fn company<'a>(
        &'a self,
        name: &'a str,
        label: &'a str,
        help: &'a str,
        choices: &'a Choices,
    ) -> CompanyField<'a> {
        let candidates = self.candidates(name);
        CompanyField {
            name,
            label,
            help,
            value: self.value(name),
            problem: self.problem(name),
            companies: candidates.unwrap_or(&choices.companies),
            is_search: choices.is_partial && candidates.is_none(),
        }
    }

    pub fn select<'a>(
        &'a self,
        name: &'a str,
        label: &'a str,
        help: &'a str,
        options: &[(String, String)],
    ) -> Select<'a> {
        Select { name, label, help, value: self.value(name), problem: self.problem(name), options: options.to_vec() }
    }

    pub fn summary(&self) -> Problems<'_> {
        Problems { form: self }
    }
}

impl CompanyField<'_> {
    /// The search field's text: the name for a chosen id.
    fn shown(&self) -> String {
        let id = self.value.parse::<i64>().ok();
        self.companies.iter().find(|c| Some(c.id) == id).map_or_else(|| self.value.to_owned(), label)
    }
}

/// The choices of a country field, by name.
pub fn countries() -> Vec<(String, String)> {
    let first = [(String::new(), "Choose a country".to_owned())];
    let all = country::all().into_iter().map(|(code, name)| (code.to_owned(), name.to_owned()));
    first.into_iter().chain(all).collect()
}

/// "Acme North (#12)": a text that the field accepts back.
pub fn label(company: &CompanyName) -> String {
    format!("{} (#{})", company.name, company.id)
}
