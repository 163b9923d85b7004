//! Access tokens, and what else opens the API: their format, and what they may do.

use std::fmt;

const SECRET_LENGTH: usize = 40;
const CHECKSUM_LENGTH: usize = 8;

pub const NAME_LENGTH_MAX: usize = 100;

/// What a token is for. Each kind has its prefix, which secret scanners know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A personal access token.
    Personal,
    /// An application's access token.
    Access,
    /// What an application gets new access tokens with.
    Refresh,
    /// What a confidential application signs in with.
    ClientSecret,
    /// What an application exchanges for its first tokens.
    Code,
}

impl TokenKind {
    pub const ALL: [TokenKind; 5] =
        [TokenKind::Personal, TokenKind::Access, TokenKind::Refresh, TokenKind::ClientSecret, TokenKind::Code];

    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            TokenKind::Personal => "scrip_pat_",
            TokenKind::Access => "scrip_oat_",
            TokenKind::Refresh => "scrip_ort_",
            TokenKind::ClientSecret => "scrip_ocs_",
            TokenKind::Code => "scrip_oac_",
        }
    }
}

/// A token's text: its kind's prefix, 160 random bits and a CRC-32, all in lower-case hexadecimal, so that a truncated
/// or mistyped one is detected without a look-up.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    kind: TokenKind,
    text: String,
}

impl Token {
    #[must_use]
    pub fn from_random(kind: TokenKind, bytes: [u8; 20]) -> Token {
        let secret: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let checksum = checksum(&secret);
        Token { kind, text: format!("{}{secret}{checksum}", kind.prefix()) }
    }

    /// Parses a token of any kind; `None` if it cannot be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Token> {
        let (kind, rest) =
            TokenKind::ALL.into_iter().find_map(|kind| Some((kind, text.strip_prefix(kind.prefix())?)))?;
        let is_hex = rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_hex || rest.len() != SECRET_LENGTH + CHECKSUM_LENGTH {
            return None;
        }
        let (secret, given) = rest.split_at(SECRET_LENGTH);
        (checksum(secret) == given).then(|| Token { kind, text: text.to_owned() })
    }

    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The whole text. It is shown once and never stored.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The last characters, which tell its owner one token from another.
    #[must_use]
    pub fn ending(&self) -> String {
        self.text[self.text.len() - 4..].to_owned()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

fn checksum(secret: &str) -> String {
    format!("{:08x}", crc32fast::hash(secret.as_bytes()))
}

/// The token that acted: its id, and its name at the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenName {
    pub id: i64,
    pub name: String,
}

/// What a token may be used for, never more than its owner may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    CompaniesRead,
    CompaniesWrite,
    CreditsRead,
    CreditsWrite,
    CodesList,
    CodesRead,
    CodesWrite,
    DevicesRead,
    DevicesWrite,
    DeviceCreditsWrite,
    UsersRead,
    UsersWrite,
}

impl Scope {
    pub const ALL: [Scope; 12] = [
        Scope::CompaniesRead,
        Scope::CompaniesWrite,
        Scope::CreditsRead,
        Scope::CreditsWrite,
        Scope::CodesList,
        Scope::CodesRead,
        Scope::CodesWrite,
        Scope::DevicesRead,
        Scope::DevicesWrite,
        Scope::DeviceCreditsWrite,
        Scope::UsersRead,
        Scope::UsersWrite,
    ];

    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Scope::CompaniesRead => "companies:read",
            Scope::CompaniesWrite => "companies:write",
            Scope::CreditsRead => "credits:read",
            Scope::CreditsWrite => "credits:write",
            Scope::CodesList => "credit_transfer_codes:list",
            Scope::CodesRead => "credit_transfer_codes:read",
            Scope::CodesWrite => "credit_transfer_codes:write",
            Scope::DevicesRead => "devices:read",
            Scope::DevicesWrite => "devices:write",
            Scope::DeviceCreditsWrite => "device_credits:write",
            Scope::UsersRead => "users:read",
            Scope::UsersWrite => "users:write",
        }
    }

    /// One line for the page that creates a token.
    #[must_use]
    pub fn explained(self) -> &'static str {
        match self {
            Scope::CompaniesRead => "See the company and its subsidiaries",
            Scope::CompaniesWrite => "Create, rename, move and remove companies",
            Scope::CreditsRead => "See balances, coverage and the history of resources",
            Scope::CreditsWrite => "Move resources between companies",
            Scope::CodesList => "See codes by their last four characters, with all that happened to them",
            Scope::CodesRead => "See whole codes, where you may see them: anyone who has one can redeem it",
            Scope::CodesWrite => "Create, activate and delete codes, edit their comments",
            Scope::DevicesRead => "See devices",
            Scope::DevicesWrite => "Add, edit and remove devices, switch monitoring",
            Scope::DeviceCreditsWrite => "Set service and auto extend, which spends resources",
            Scope::UsersRead => "See the users of the company and its subsidiaries",
            Scope::UsersWrite => "Invite users",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|s| s.slug() == slug)
    }
}

/// The scopes of one token, in the order of the page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Parses slugs.
    ///
    /// # Errors
    /// The first text that is not a scope.
    pub fn read<'a>(slugs: impl IntoIterator<Item = &'a str>) -> Result<Scopes, String> {
        let mut scopes = Vec::new();
        for slug in slugs {
            scopes.push(Scope::from_slug(slug).ok_or_else(|| slug.to_owned())?);
        }
        scopes.sort_unstable();
        scopes.dedup();
        Ok(Scopes(scopes))
    }

    #[must_use]
    pub fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }

    /// Those of either.
    #[must_use]
    pub fn with(&self, others: &Scopes) -> Scopes {
        Scopes(Scope::ALL.into_iter().filter(|scope| self.has(*scope) || others.has(*scope)).collect())
    }

    /// Those of both.
    #[must_use]
    pub fn within(&self, others: &Scopes) -> Scopes {
        Scopes(self.iter().filter(|scope| others.has(*scope)).collect())
    }

    /// As stored in the database: slugs separated by spaces.
    #[must_use]
    pub fn stored(&self) -> String {
        self.0.iter().map(|s| s.slug()).collect::<Vec<_>>().join(" ")
    }

    /// Reads the stored form. A scope that this version does not know grants nothing.
    #[must_use]
    pub fn from_stored(text: &str) -> Scopes {
        Scopes(text.split(' ').filter_map(Scope::from_slug).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_round_trips_and_a_wrong_character_is_detected() {
        let token = Token::from_random(TokenKind::Personal, [7; 20]);
        let text = token.reveal().to_owned();
        assert_eq!(Token::parse(&text), Some(token));
        for i in "scrip_pat_".len()..text.len() {
            let other = if text.as_bytes()[i] == b'0' { '1' } else { '0' };
            let wrong = format!("{}{other}{}", &text[..i], &text[i + 1..]);
            assert_eq!(Token::parse(&wrong), None, "{wrong}");
        }
        for wrong in
            ["", "scrip_pat_", &text[..text.len() - 1], &format!("{text}0"), &text.to_uppercase(), "scrip_pat_é"]
        {
            assert_eq!(Token::parse(wrong), None, "{wrong}");
        }
        for kind in TokenKind::ALL {
            let token = Token::from_random(kind, [7; 20]);
            assert_eq!(Token::parse(token.reveal()).map(|parsed| parsed.kind()), Some(kind));
        }
        assert_eq!(format!("{:?}", Token::from_random(TokenKind::Personal, [7; 20])), "Token(…)");
    }

    #[test]
    fn scopes_are_read_in_order_without_duplicates() {
        let scopes = Scopes::read(["users:read", "companies:read", "users:read"]).unwrap();
        assert_eq!(scopes.stored(), "companies:read users:read");
        assert_eq!(Scopes::from_stored(&scopes.stored()), scopes);
        assert_eq!(Scopes::read(["companies:read", "all"]), Err("all".to_owned()));
        assert!(Scopes::from_stored("").is_empty() && Scopes::from_stored("gone:read").is_empty());
    }
}
