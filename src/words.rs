//! Reasons in words: what happened and what to do. That nothing was changed is said above the form.

use crate::model::amount::{AMOUNT_MAX, AmountError, grouped};
use crate::model::code::CodeError;
use crate::model::company::{DEPTH_MAX, NAME_LENGTH_MAX, NAME_LENGTH_MIN, NameError};
use crate::model::coverage::Coverage;
use crate::model::import::{COLUMNS, FileError, ROWS_MAX, RowError};
use crate::model::ledger::Refusal;
use crate::model::licence::{LicenceRefusal, REHOST_REASON_LENGTH, REHOSTS_MAX, SerialError};
use crate::model::money::MoneyError;
use crate::model::month::{PERIOD_MONTHS_MAX, PeriodError};
use crate::model::network::{NETWORKS_MAX, NetworkError};
use crate::model::order::{CODES_MAX, LINES_MAX, OrderError, SERIALS_MAX, SUBSCRIPTIONS_MAX, YEARS_MAX};
use crate::model::product::{MODEL_LENGTH_MAX, MODELS_MAX, ModelsError};
use crate::model::refusal::{Obstacle, ObstacleKind, Reason};
use crate::model::user::{EmailError, PASSWORD_LENGTH_MAX, PasswordError};

/// What kind of work a job is.
pub fn job_kind(kind: &str) -> &str {
    match kind {
        "mail" => "Mail",
        "import" => "Import of devices",
        "codes" => "Codes of a batch",
        "document" => "Mail with an invoice or credit note",
        "reminder" => "Reminder of an invoice",
        "order_paid" => "Mail that an order is paid",
        "refund" => "Refund of a card payment",
        "close_card_pages" => "Closing a card payment's pages",
        "credit_refund" => "Refund of a credit note",
        other => other,
    }
}

/// A reason as a sentence.
pub fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Ledger(refusal) => self::refusal(refusal),
        Reason::Amount(AmountError::Missing) => "Enter an amount.".into(),
        Reason::Amount(AmountError::NotWhole) => "Enter a whole number, such as 5.".into(),
        Reason::Amount(AmountError::OutOfRange) => out_of_range(),
        Reason::Code(CodeError::Missing) => "Enter the code.".into(),
        Reason::Code(CodeError::Malformed) => {
            "This is not a code: a code has 20 letters and digits, in five groups of four.".into()
        }
        Reason::Code(CodeError::Mistyped) => {
            "A character of the code is mistyped. Compare it with what you were given.".into()
        }
        Reason::Name(NameError::Missing) => "Enter a name.".into(),
        Reason::Name(NameError::TooShort) => format!("Enter a name of {NAME_LENGTH_MIN} characters or more."),
        Reason::Name(NameError::TooLong) => format!("Enter a name of {NAME_LENGTH_MAX} characters or fewer."),
        Reason::Name(NameError::Hidden) | Reason::HiddenCharacters => {
            "This holds a character that cannot be seen, such as one that turns the direction of the text. Type it again.".into()
        }
        Reason::Name(NameError::Link) => "A name must not look like a link: names are used in mails.".into(),
        Reason::ClockMoved => "The clock has moved on since this page was opened. Look at it again.".into(),
        Reason::UnusableCode => "There is no unused code like this. Compare it with what you were given.".into(),
        Reason::SearchedCode => "What you searched for is a code, and none of your companies has it. Codes are searched for in the list of codes, and activated under Redeem code.".into(),
        Reason::Withdrawn { name } => format!("{name} is no longer offered. Take it out of the order first."),
        Reason::VatChanged => "The VAT has changed since this order was put together. It was calculated again: check the new total, then place the order.".into(),
        Reason::DemandedAbove { company } => format!("{company} demands two-factor authentication here, so only {company} or a company above it can lift that."),
        Reason::Email(EmailError::Missing) => "Enter an e-mail address.".into(),
        Reason::Email(EmailError::Malformed) => "Enter an e-mail address such as name@example.com.".into(),
        Reason::Password(PasswordError::Missing) => "Enter a password.".into(),
        Reason::Password(PasswordError::TooShort { minimum }) => {
            format!("Enter a password of {minimum} characters or more. A few words in a row do well.")
        }
        Reason::Password(PasswordError::TooLong) => {
            format!("Enter a password of {PASSWORD_LENGTH_MAX} characters or fewer.")
        }
        Reason::Password(PasswordError::Common) => {
            "This password is easily guessed. Choose one that nobody else would: names of companies and products, seasons and years do not help.".into()
        }
        Reason::PasswordsDiffer => "The two passwords differ. Type the same one twice.".into(),
        Reason::WrongPassword => "This is not your present password.".into(),
        Reason::Order(error) => order_error(*error),
        Reason::Licence(refusal) => licence(refusal),
        Reason::MissingType => "Choose a type.".into(),
        Reason::UnknownType => "There is no such type. Choose one of the list.".into(),
        Reason::MissingCompany => "Choose a company.".into(),
        Reason::UnknownCompany => "There is no such company among yours. Choose one of the list.".into(),
        Reason::AmbiguousCompany(found) if found.len() == 1 => {
            "Did you mean this one? Choose it, or type another name.".into()
        }
        Reason::AmbiguousCompany(_) => "Several companies fit. Choose one of these.".into(),
        Reason::UnderItself => {
            "A company cannot be put under itself or under one of its own subsidiaries.".into()
        }
        Reason::TooDeep => format!("The tree would become deeper than {DEPTH_MAX} levels."),
        Reason::NameTaken => "Another company has this name.".into(),
        Reason::EmailTaken => "This address has an account already.".into(),
        Reason::UnknownRole => "Choose a role.".into(),
        Reason::UnknownTimeZone => "There is no such time zone. Choose one of the list.".into(),
        Reason::TooLong { maximum } => format!("Enter {} characters or fewer.", grouped(*maximum as i64)),
        Reason::LastAdministrator => {
            "This is the last administrator of the root company. Make another one first.".into()
        }
        Reason::OwnAccount => "This is your own account. Another administrator can change it.".into(),
        Reason::LinkDead => {
            "This link was used already, was replaced by a newer one, or is too old. Ask for a new one."
                .into()
        }
        Reason::FormForeign => "This form is out of date. Reload the page.".into(),
        Reason::KeyReused => {
            "This form was sent before with other values. Reload the page to start again.".into()
        }
        Reason::SignInFailed => "The e-mail address or the password is wrong.".into(),
        Reason::MalformedSecondFactor => "Enter the six digits of the code.".into(),
        Reason::WrongSecondFactor => {
            "This code is wrong, was used before, or is too old. Enter the newest one.".into()
        }
        Reason::MalformedRecoveryCode => {
            "This is not a recovery code: one has 16 letters and digits, in four groups of four.".into()
        }
        Reason::WrongRecoveryCode => {
            "This recovery code is wrong or was used before. Each works once; try another.".into()
        }
        Reason::SignInLapsed => {
            "Too much time has passed since the password, or the account has changed. Sign in again.".into()
        }
        Reason::SecondFactorOff => "Two-factor authentication is off already.".into(),
        Reason::SecondFactorDemanded => {
            "Your company demands two-factor authentication. You can change the method.".into()
        }
        Reason::NoMail => "This portal sends no mail, so no code can be mailed.".into(),
        Reason::Wait { .. } => "Too many attempts. Wait a little, then try again.".into(),
        Reason::ResetNeeded => {
            "Too many wrong passwords in a row. Only a new password helps: set one by “Forgotten password” on the sign-in page, or ask an administrator of your company for a link."
                .into()
        }
        Reason::SecondFactorNeeded => {
            "Turn on two-factor authentication first, on the Security page of your account settings.".into()
        }
        Reason::TooManyTokens { maximum } => {
            format!(
                "You have {maximum} access tokens, which is the most. Revoke one that is no longer needed."
            )
        }
        Reason::UnknownScope(slug) => format!("There is no scope {slug}."),
        Reason::NoScope => "Choose at least one scope.".into(),
        Reason::Networks(NetworkError::Malformed(text)) => {
            format!("“{text}” is neither an address such as 192.0.2.7 nor a network such as 192.0.2.0/24.")
        }
        Reason::Networks(NetworkError::TooMany) => format!("Name {NETWORKS_MAX} addresses or fewer."),
        Reason::UnknownDay => "Enter a day such as 2026-11-21.".into(),
        Reason::Period(PeriodError::Unreadable) => "Enter a month such as 2026-11.".into(),
        Reason::Period(PeriodError::Backwards) => "Choose the first month or a later one.".into(),
        Reason::Period(PeriodError::TooLong) => {
            format!("Choose {PERIOD_MONTHS_MAX} months or fewer: begin later, or end earlier.")
        }
        Reason::PastDay => "Enter a day that has not passed.".into(),
        Reason::NotANumber => "Give a whole number.".into(),
        Reason::NotBetween { minimum, maximum } => {
            format!("Enter a whole number from {} to {}.", grouped(*minimum), grouped(*maximum))
        }
        Reason::NothingToChange => "Give at least one field to change.".into(),
        Reason::NotAList => "Give a list of objects.".into(),
        Reason::UnknownDevice => "There is no such device among yours.".into(),
        Reason::RepeatedDevice => "Another row names the same device. Send one row for each device.".into(),
        Reason::NotAText => "Give a text.".into(),
        Reason::Missing => "This is missing.".into(),
        Reason::NotAChoice { choices } => format!("Give one of: {choices}."),
        Reason::NothingChosen => "Choose at least one company.".into(),
        Reason::NoDeviceChosen => "Choose at least one device.".into(),
        Reason::Money(error) => money(*error),
        Reason::NoPrice => "Enter at least one price: for a device, for an apartment, or both.".into(),
        Reason::UnknownCurrency => "Choose a currency.".into(),
        Reason::UnknownVatClass => "Choose a VAT class. They are at the end of the price list.".into(),
        Reason::VatClassTaken => "Another VAT class has this name.".into(),
        Reason::MalformedRate => "Enter a rate between 0 and 100 %, such as 21 or 5.5.".into(),
        Reason::Models(ModelsError::TooMany) => format!("Name {MODELS_MAX} models or fewer, a line each."),
        Reason::Models(ModelsError::TooLong) => {
            format!("Name one model on each line, in {MODEL_LENGTH_MAX} characters or fewer.")
        }
        Reason::ProductChanged { by, name, prices, .. } => format!(
            "{by} has changed this product since you opened it: it is now “{name}”, {prices}. What you typed is still below: save it again to replace that."
        ),
        Reason::ListFull { maximum } => format!("The list has {maximum} entries, which is the most."),
        Reason::MissingAddress => "Enter an address: street, postal code and town.".into(),
        Reason::MissingBankAccount => "Enter where buyers pay to, such as the IBAN and the bank's name.".into(),
        Reason::UnknownCountry => "Choose a country.".into(),
        Reason::File(FileError::Empty) => "Choose a file, or paste its text: a line with the names of the columns, then a line for each device.".into(),
        Reason::File(FileError::TooManyRows) => {
            format!("The file has more than {} rows. Send it in parts.", grouped(ROWS_MAX as i64))
        }
        Reason::File(FileError::Columns(name)) if name.is_empty() => {
            "The first line must name the columns, and one of them is serial or name.".into()
        }
        Reason::File(FileError::Columns(name)) => format!(
            "The first line must name the columns, each once, of these: {}. “{name}” is none of them.",
            COLUMNS.join(", ")
        ),
        Reason::MissingSerial => "Enter the serial number. It is on the device.".into(),
        Reason::MissingApartment => {
            "Enter a name for the apartment, such as “Harbour Street 5, flat 12”.".into()
        }
        Reason::SerialTaken => "There is a device with this serial number already.".into(),
        Reason::UnknownService => "There is no such service. Choose one of the list.".into(),
        Reason::UnsuitableService => {
            "An apartment runs on apartment subscriptions, and a device on any other service.".into()
        }
        Reason::TooMany { maximum } => format!("Choose {} or fewer at once.", grouped(*maximum as i64)),
        Reason::Obstacles(obstacles) => obstacles.iter().map(obstacle).collect::<Vec<_>>().join(" "),
    }
}

/// What a new password must be like.
pub fn password_help(has_second_factor: bool) -> String {
    let minimum = crate::model::user::password_length_min(has_second_factor);
    format!("{minimum} characters or more. A few words in a row do well.")
}

fn money(error: MoneyError) -> String {
    match error {
        MoneyError::Missing => "Enter a price.".into(),
        MoneyError::NotMoney => "Enter a price in figures, such as 12.50.".into(),
        MoneyError::TooManyDigits { digits: 0 } => "This currency has no digits after the point.".into(),
        MoneyError::TooManyDigits { digits } => {
            format!("Enter {digits} digits after the point or fewer, as the currency has.")
        }
        MoneyError::OutOfRange => "Enter a smaller price.".into(),
    }
}

fn out_of_range() -> String {
    format!("Enter a whole number from 1 to {}.", grouped(AMOUNT_MAX))
}

fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotEnough { has, resource_type, company } => {
            format!("{company} has {} {}. Enter that many or fewer.", grouped(*has), resource_type.label())
        }
        Refusal::SameCompany => "Choose another company than the one the resources come from.".into(),
        Refusal::UnknownSource | Refusal::UnknownTarget => {
            "There is no such company among yours. Choose one of the list.".into()
        }
        Refusal::AmountOutOfRange => out_of_range(),
        Refusal::Overflow => "The balance would become too large.".into(),
        Refusal::UnknownCode => "There is no such code. Compare it with what you were given.".into(),
        Refusal::CodeUsed { at: Some(at) } => format!("This code was already used on {}.", at.exact()),
        Refusal::CodeUsed { at: None } => "This code was already used.".into(),
        Refusal::CodeExpired { at: Some(at) } => format!("This code expired on {}.", at.exact()),
        Refusal::CodeExpired { at: None } => "This code has expired.".into(),
        Refusal::CodeNotUnused { status } => {
            format!("This code is no longer unused: its status is {}.", status.label().to_lowercase())
        }
        Refusal::CodeOfOrder => {
            "This voucher was bought, so it is not deleted. Open its order under Payments to cancel or replace it."
                .into()
        }
        Refusal::NotOfOrder => "Only vouchers that were bought are cancelled or replaced. Delete this code instead.".into(),
        Refusal::TooManyAttempts { .. } => "Too many wrong codes. Wait a little, then try again.".into(),
        Refusal::KeyReused => {
            "This form was sent before with other values. Reload the page to start again.".into()
        }
        Refusal::NotIssuer => "Only the root company issues resources.".into(),
        Refusal::UnknownDevice => {
            "A device is not among yours, or was changed at this moment. Reload the page.".into()
        }
    }
}

/// Which company is to be chosen.
pub fn missing_company(field: &str) -> String {
    match field {
        "from" => "Choose the company that the resources come from.".into(),
        "to" => "Choose the company that the resources go to.".into(),
        _ => reason(&Reason::MissingCompany),
    }
}

/// Why a row of a file cannot be added.
pub fn row_error(error: &RowError) -> String {
    match error {
        RowError::Unreadable => "The row has more columns than the first line names, or is no text.".into(),
        RowError::MissingSerial => "The serial number is missing.".into(),
        RowError::MissingName => "The apartment has no name.".into(),
        RowError::Hidden(column) => format!("The text under {column} holds characters that cannot be seen."),
        RowError::TooLong(column) => format!("The text under {column} is too long."),
        RowError::UnknownKind(text) => format!("“{text}” is no kind: write device or apartment."),
        RowError::UnknownService(text) => format!("There is no service “{text}”."),
        RowError::UnsuitableService => reason(&Reason::UnsuitableService),
        RowError::NotYesOrNo(column) => format!("Write yes or no under {column}."),
        RowError::UnknownCompany(text) => format!("“{text}” is not one company of yours. Write its number."),
        RowError::SerialTwice(line) => format!("Line {line} has the same serial number."),
        RowError::SerialTaken => "There is a device with this serial number already.".into(),
    }
}

/// What stands in the way of removing a company.
pub fn obstacle(obstacle: &Obstacle) -> String {
    let name = &obstacle.company;
    match obstacle.what {
        ObstacleKind::Root => format!("{name} is the root company and stays."),
        ObstacleKind::OwnCompany => format!("{name} is your own company."),
        ObstacleKind::Balance => format!("{name} has a balance: move it first."),
        ObstacleKind::UnusedCodes(1) => format!("{name} has 1 unused code: delete it first."),
        ObstacleKind::UnusedCodes(n) => format!("{name} has {} unused codes: delete them first.", grouped(n)),
        ObstacleKind::Subsidiaries(1) => format!("{name} has 1 subsidiary: remove it first."),
        ObstacleKind::Subsidiaries(n) => {
            format!("{name} has {} subsidiaries: remove them first.", grouped(n))
        }
        ObstacleKind::Devices(1) => {
            format!("{name} has 1 device: remove it or give it to another company first.")
        }
        ObstacleKind::Devices(n) => {
            format!("{name} has {} devices: remove them or give them to another company first.", grouped(n))
        }
        ObstacleKind::OpenOrders(1) => {
            format!("{name} has 1 order that is not paid or not ready: cancel it first.")
        }
        ObstacleKind::OpenOrders(n) => {
            format!("{name} has {} orders that are not paid or not ready: cancel them first.", grouped(n))
        }
        ObstacleKind::Users(1) => format!("{name} has 1 user: disable that user first."),
        ObstacleKind::Users(n) => format!("{name} has {} users: disable them first.", grouped(n)),
    }
}

/// Why something cannot be ordered or paid.
fn order_error(error: OrderError) -> String {
    match error {
        OrderError::Years => format!("Enter a whole number of years from 1 to {YEARS_MAX}."),
        OrderError::Subscriptions => {
            format!("Enter a whole number from 1 to {}.", grouped(SUBSCRIPTIONS_MAX))
        }
        OrderError::Codes => "Enter a whole number of codes: at least 1, and no more than subscriptions.".into(),
        OrderError::Uneven => {
            "Every code must hold the same number of subscriptions. Enter a number of codes that divides them."
                .into()
        }
        OrderError::TooMuch => "That is more than one order may come to. Make it smaller.".into(),
        OrderError::NotOffered => "This is not offered now. Choose another one.".into(),
        OrderError::OtherCurrency { order, line } => format!(
            "This order is in {} and cannot take something priced in {}. Finish it first, then begin another.",
            order.code(),
            line.code()
        ),
        OrderError::TooManyLines => format!("An order has at most {LINES_MAX} lines. Begin another order."),
        OrderError::TooManyCodes => {
            format!("An order has at most {} codes, all lines together.", grouped(CODES_MAX))
        }
        OrderError::Empty => "The order has no lines yet. Add something to it first.".into(),
        OrderError::NotDraft => "This order was placed already, so it does not change any more.".into(),
        OrderError::NotOpen => "This order is not waiting for a payment any more. Reload the page.".into(),
        OrderError::NoSeller => {
            "Nothing can be ordered yet: the vendor has not entered who sells. Please ask the vendor.".into()
        }
        OrderError::CardsOff => "Card payments are not set up here. Choose payment by invoice.".into(),
        OrderError::OtherAmount { due } => format!("The order comes to {due}. Enter exactly that."),
        OrderError::FutureDay => "Choose today or an earlier day.".into(),
        OrderError::Vendor => "The vendor sells, and does not buy from itself. Choose another company.".into(),
        OrderError::OldDay => "Choose a day of the last year.".into(),
        OrderError::NotForCards => "This sum cannot be charged to a card. Choose payment by invoice.".into(),
        OrderError::UnderWay => {
            "A payment of this order is under way. With some ways to pay the money takes a few days to come.".into()
        }
        OrderError::ProviderFailed => {
            "The card payment page cannot be opened now, and nothing was paid. Try again in a few minutes, or cancel the order and choose payment by invoice.".into()
        }
    }
}

/// Why a licence cannot be ordered, or cannot move.
fn licence(refusal: &LicenceRefusal) -> String {
    match refusal {
        LicenceRefusal::Serial(SerialError::Missing) => "Enter a serial number. It is on the device.".into(),
        LicenceRefusal::Serial(SerialError::TooMany) => {
            let most = grouped(SERIALS_MAX as i64);
            format!(
                "An order has at most {most} licences. Enter fewer serial numbers, and begin another order."
            )
        }
        LicenceRefusal::Serial(SerialError::Malformed(text)) => format!(
            "“{text}” is no serial number: one has letters or digits, no quotation marks, and at most 100 characters."
        ),
        LicenceRefusal::NothingChosen => "Choose at least one licence.".into(),
        LicenceRefusal::NotConfirmed => {
            "Compare the models with your devices, then say here that the licences suit them.".into()
        }
        LicenceRefusal::Unsuitable { model } if model.is_empty() => {
            "A chosen licence is not offered now. Choose again.".into()
        }
        LicenceRefusal::Unsuitable { model } => {
            format!("A chosen licence does not suit the model {model}. Choose again.")
        }
        LicenceRefusal::Twice { serial } => {
            format!(
                "The order has this licence for {serial} already. Choose another one, or go back to the order."
            )
        }
        LicenceRefusal::HeldForGood => {
            "Each of these devices has this licence already, without an end. Choose another one.".into()
        }
        LicenceRefusal::SameSerial => {
            "The licence is for this device already. Enter the serial number of another one.".into()
        }
        LicenceRefusal::Expired => {
            "This licence has expired, so it does not move any more. Buy a new one.".into()
        }
        LicenceRefusal::NoMoreRehosts => {
            format!("This licence has moved {REHOSTS_MAX} times, which is the most. Buy a new one.")
        }
        LicenceRefusal::Moved => {
            "This licence has moved since you opened this window. Close it and look at the licence again."
                .into()
        }
        LicenceRefusal::Reason => format!(
            "Say why in {} to {} characters, such as “Device broken, replaced under warranty”.",
            REHOST_REASON_LENGTH.start(),
            REHOST_REASON_LENGTH.end()
        ),
    }
}

/// Until when a balance lasts.
pub fn coverage(coverage: &Coverage) -> String {
    if coverage.is_used_up {
        "used up".to_owned()
    } else if coverage.is_beyond {
        "over 100 years".to_owned()
    } else {
        format!("until {}", coverage.until.readable_date(&jiff::tz::TimeZone::UTC))
    }
}
