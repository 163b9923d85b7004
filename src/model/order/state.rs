//! The states of an order and of disputes about it, and the ways to pay one.

/// The state of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderState {
    /// Being put together; nobody owes anything.
    Draft,
    AwaitingPayment,
    Paid,
    Cancelled,
}

impl OrderState {
    pub const ALL: [OrderState; 4] =
        [OrderState::Draft, OrderState::AwaitingPayment, OrderState::Paid, OrderState::Cancelled];

    /// The word in the database and in addresses.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            OrderState::Draft => "draft",
            OrderState::AwaitingPayment => "awaiting_payment",
            OrderState::Paid => "paid",
            OrderState::Cancelled => "cancelled",
        }
    }

    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            OrderState::Draft => "Draft",
            OrderState::AwaitingPayment => "Awaiting payment",
            OrderState::Paid => "Paid",
            OrderState::Cancelled => "Cancelled",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<OrderState> {
        OrderState::ALL.into_iter().find(|s| s.slug() == slug)
    }
}

/// How an order is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Card,
    Invoice,
}

impl Method {
    pub const ALL: [Method; 2] = [Method::Card, Method::Invoice];

    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Method::Card => "card",
            Method::Invoice => "invoice",
        }
    }

    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Method::Card => "Card",
            Method::Invoice => "Invoice",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|m| m.slug() == slug)
    }
}

/// What has become of a payment that its payer disputes at their bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeState {
    /// The bank asks; no money has gone back.
    Inquiry,
    /// The money is withheld until the bank has decided.
    Open,
    /// The money is the vendor's.
    Won,
    /// The money is the payer's.
    Lost,
}

impl DisputeState {
    pub const ALL: [DisputeState; 4] =
        [DisputeState::Inquiry, DisputeState::Open, DisputeState::Won, DisputeState::Lost];

    /// The word in the database.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            DisputeState::Inquiry => "inquiry",
            DisputeState::Open => "open",
            DisputeState::Won => "won",
            DisputeState::Lost => "lost",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<DisputeState> {
        DisputeState::ALL.into_iter().find(|s| s.slug() == slug)
    }
}
