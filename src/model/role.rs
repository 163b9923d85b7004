//! Roles: what their people may do in the tree of their company. Three are built in; a company makes others for its
//! people and those of the companies below it.

use super::permission::{Permission, Permissions};
use super::text::{self, TextError};

pub const ADMIN: i64 = 1;
pub const END_USER: i64 = 2;
pub const READ_ONLY: i64 = 3;
/// The first id of a role that a company made.
pub const FIRST_OWN: i64 = 100;

pub const TITLE_LENGTH_MAX: usize = 100;
pub const DESCRIPTION_LENGTH_MAX: usize = 1_000;
/// How many roles a company has.
pub const OF_COMPANY_MAX: i64 = 100;

/// The names of the roles that are built in, for programs.
const NAMES: [(i64, &str); 3] = [(ADMIN, "admin"), (END_USER, "end_user"), (READ_ONLY, "read_only")];

/// The name of a built-in role; `None` for others, which have only a title.
#[must_use]
pub fn name(id: i64) -> Option<&'static str> {
    NAMES.iter().find(|(of, _)| *of == id).map(|(_, name)| *name)
}

/// What forms, programs and the fingerprints of requests call a role: its name if it is built in, else its number.
#[must_use]
pub fn key(id: i64) -> String {
    name(id).map_or_else(|| id.to_string(), str::to_owned)
}

/// A role's id, given as a number or as the name of a built-in one.
#[must_use]
pub fn read(text: &str) -> Option<i64> {
    let text = text.trim();
    let named = NAMES.iter().find(|(_, name)| *name == text).map(|(id, _)| *id);
    named.or_else(|| text.parse().ok().filter(|id| *id > 0))
}

#[must_use]
pub fn is_built_in(id: i64) -> bool {
    id < FIRST_OWN
}

/// A role as acts see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub role_id: i64,
    pub permissions: Permissions,
}

impl Standing {
    /// The standing of a role; `own` is what the database has of it, unless it is built in.
    #[must_use]
    pub fn of(role_id: i64, own: Option<&str>) -> Standing {
        let permissions = built_in(role_id).unwrap_or_else(|| Permissions::from_stored(own.unwrap_or_default()));
        Standing { role_id, permissions }
    }

    /// Whether somebody of this role may give the other one to people, and change those who have it: nobody gives what
    /// they lack, and only an administrator makes another one.
    #[must_use]
    pub fn covers(self, other: Standing) -> bool {
        other.permissions.are_within(self.permissions) && (other.role_id != ADMIN || self.role_id == ADMIN)
    }

    /// What is left of this role to somebody who acts on behalf of the other.
    #[must_use]
    pub fn within(self, other: Standing) -> Standing {
        if other.covers(self) {
            return self;
        }
        Standing { role_id: other.role_id, permissions: self.permissions.shared_with(other.permissions) }
    }
}

/// A role's title: one line with something visible in it.
pub fn title(given: &str) -> Result<String, TextError> {
    text::required(text::line(given, TITLE_LENGTH_MAX))
}

/// What the built-in roles allow; the database has only their titles.
#[must_use]
pub fn built_in(id: i64) -> Option<Permissions> {
    use Permission::{ActivateCodes, BuyResources, EditCodes, EditCompanies, EditDevices, EditRoles, EditUsers};
    use Permission::{MoveResources, SetService, ViewCodes};
    let changes = [
        EditCompanies,
        MoveResources,
        BuyResources,
        ViewCodes,
        EditCodes,
        ActivateCodes,
        EditDevices,
        SetService,
        EditUsers,
        EditRoles,
    ];
    match id {
        ADMIN => Some(Permissions::all()),
        END_USER => Some([ActivateCodes].into_iter().collect()),
        READ_ONLY => Some(Permissions::all().iter().filter(|permission| !changes.contains(permission)).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_by_number_or_name() {
        for (given, id) in [("admin", Some(1)), (" read_only ", Some(3)), ("104", Some(104)), ("0", None), ("", None)] {
            assert_eq!(read(given), id, "{given}");
        }
        assert_eq!((name(2), name(100)), (Some("end_user"), None));
        assert_eq!((key(2).as_str(), key(100).as_str()), ("end_user", "100"));
    }

    #[test]
    fn nobody_gives_what_they_lack() {
        let admin = Standing::of(ADMIN, None);
        let reader = Standing::of(READ_ONLY, None);
        let all = Standing::of(100, Some(&Permissions::all().stored()));
        assert!(admin.covers(all) && admin.covers(admin) && all.covers(reader) && reader.covers(reader));
        assert!(!all.covers(admin) && !reader.covers(Standing::of(END_USER, None)));
        assert_eq!(admin.within(all), all);
        assert_eq!(all.within(reader), reader);
        assert_eq!(Standing::of(END_USER, None).within(reader).permissions, Permissions::default());
    }

    #[test]
    fn who_may_look_may_change_nothing() {
        let read_only = built_in(READ_ONLY).unwrap();
        assert!(read_only.iter().all(|p| ["view_", "list_"].iter().any(|way| p.slug().starts_with(way))));
        assert!(!read_only.view_codes() && read_only.list_codes());
    }
}
