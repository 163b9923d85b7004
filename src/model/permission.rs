//! What a role allows. Acts ask for it at their beginning, in [`crate::ops`]; screens show what it allows; and each
//! permission belongs to the scope that a token needs for the same. What only the operator may do is no permission,
//! and what everybody may do (their own account, the balances and devices of their own company) needs none.

use super::token::Scope;

macro_rules! permissions {
    ($($id:literal $name:ident $field:ident $title:literal $scope:ident),* $(,)?) => {
        /// One thing that a role may allow. Its number never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Permission {
            $($name = $id),*
        }

        impl Permission {
            pub const ALL: &[Permission] = &[$(Permission::$name),*];

            /// Its name in the API and in the database.
            #[must_use]
            pub fn slug(self) -> &'static str {
                match self {
                    $(Permission::$name => stringify!($field)),*
                }
            }

            /// What it allows, as a person reads it.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self {
                    $(Permission::$name => $title),*
                }
            }

            /// The scope of a token that may do the same.
            #[must_use]
            pub fn scope(self) -> Scope {
                match self {
                    $(Permission::$name => Scope::$scope),*
                }
            }
        }

        /// Whether each is among them.
        impl Permissions {
            $(
                #[doc = $title]
                #[must_use]
                pub fn $field(self) -> bool {
                    self.has(Permission::$name)
                }
            )*
        }
    };
}

permissions!(
    1 ViewCompanies view_companies "See the companies of the tree" CompaniesRead,
    2 EditCompanies edit_companies "Create, change, move and remove companies" CompaniesWrite,
    3 ViewResources view_resources "See the balances of all companies of the tree" CreditsRead,
    4 ViewHistory view_history "See the history of all companies of the tree" CreditsRead,
    5 ViewOrders view_orders "See orders, invoices, vouchers and reports" CreditsRead,
    6 MoveResources move_resources "Move resources between companies" CreditsWrite,
    7 BuyResources buy_resources "Buy units, vouchers, licences and data" CreditsWrite,
    8 ListCodes list_codes "See codes by their last characters" CodesList,
    9 ViewCodes view_codes "See whole codes" CodesRead,
    10 EditCodes edit_codes "Create, comment, replace and delete codes" CodesWrite,
    11 ActivateCodes activate_codes "Activate codes for the own company" CodesWrite,
    12 ViewDevices view_devices "See the devices of all companies of the tree" DevicesRead,
    13 EditDevices edit_devices "Add, change, move, import and remove devices, and their tags" DevicesWrite,
    14 SetService set_service "Choose and renew the service of devices" DeviceCreditsWrite,
    15 ViewUsers view_users "See the users of the tree" UsersRead,
    16 EditUsers edit_users "Invite, change, disable and remove users" UsersWrite,
    17 EditRoles edit_roles "Create, change and delete roles" UsersWrite,
);

impl Permission {
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Permission> {
        Permission::ALL.iter().copied().find(|permission| permission.slug() == slug)
    }

    #[must_use]
    pub fn from_id(id: i64) -> Option<Permission> {
        Permission::ALL.iter().copied().find(|permission| permission.id() == id)
    }

    #[must_use]
    pub fn id(self) -> i64 {
        self as i64
    }

    /// The permission that this one is of no use without.
    #[must_use]
    pub fn needed(self) -> Option<Permission> {
        use Permission::{ActivateCodes, BuyResources, EditCodes, EditCompanies, EditDevices, EditRoles, EditUsers};
        use Permission::{ListCodes, MoveResources, SetService, ViewCodes, ViewCompanies, ViewDevices, ViewHistory};
        use Permission::{ViewOrders, ViewResources, ViewUsers};
        match self {
            ViewCompanies | ActivateCodes => None,
            EditCompanies | ViewResources | ViewHistory | ViewOrders | ListCodes | ViewDevices | ViewUsers => {
                Some(ViewCompanies)
            }
            MoveResources => Some(ViewResources),
            BuyResources => Some(ViewOrders),
            ViewCodes | EditCodes => Some(ListCodes),
            EditDevices | SetService => Some(ViewDevices),
            EditUsers | EditRoles => Some(ViewUsers),
        }
    }

    fn bit(self) -> u32 {
        1 << (self as u32)
    }
}

/// A set of permissions. It is stored as their names in order, separated by spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u32);

impl Permissions {
    #[must_use]
    pub fn all() -> Permissions {
        Permission::ALL.iter().copied().collect()
    }

    #[must_use]
    pub fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether all of them are among `others`.
    #[must_use]
    pub fn are_within(self, others: Permissions) -> bool {
        self.0 & !others.0 == 0
    }

    /// Those that are in both.
    #[must_use]
    pub fn shared_with(self, others: Permissions) -> Permissions {
        Permissions(self.0 & others.0)
    }

    /// With those that they are of no use without.
    #[must_use]
    pub fn completed(self) -> Permissions {
        let completed = self.iter().chain(self.iter().filter_map(Permission::needed)).collect::<Permissions>();
        if completed == self { self } else { completed.completed() }
    }

    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.has(*permission))
    }

    #[must_use]
    pub fn stored(self) -> String {
        self.iter().map(Permission::slug).collect::<Vec<_>>().join(" ")
    }

    /// Names that are unknown, such as those of a later version, allow nothing.
    #[must_use]
    pub fn from_stored(text: &str) -> Permissions {
        text.split_whitespace().filter_map(Permission::from_slug).collect()
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<T: IntoIterator<Item = Permission>>(permissions: T) -> Permissions {
        Permissions(permissions.into_iter().fold(0, |bits, permission| bits | permission.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_stored_by_name_and_an_unknown_name_allows_nothing() {
        assert_eq!(Permissions::from_stored(&Permissions::all().stored()), Permissions::all());
        let some = Permissions::from_stored("activate_codes fly view_companies");
        assert_eq!(some.stored(), "view_companies activate_codes");
        assert!(some.activate_codes() && !some.edit_codes());
        assert!(some.are_within(Permissions::all()) && !Permissions::all().are_within(some));
        assert_eq!(some.shared_with(Permissions::from_stored("activate_codes view_users")).stored(), "activate_codes");
    }

    #[test]
    fn what_a_permission_needs_comes_with_it() {
        assert_eq!(Permissions::from_stored("edit_codes").completed().stored(), "view_companies list_codes edit_codes");
        assert_eq!(Permissions::from_stored("activate_codes").completed().stored(), "activate_codes");
        assert_eq!(Permissions::all().completed(), Permissions::all());
    }

    #[test]
    fn every_scope_has_a_permission_and_numbers_name_one_each() {
        for scope in Scope::ALL {
            assert!(Permission::ALL.iter().any(|permission| permission.scope() == scope), "{scope:?}");
        }
        for permission in Permission::ALL {
            assert_eq!(Permission::from_id(permission.id()), Some(*permission));
            assert_eq!(Permission::from_slug(permission.slug()), Some(*permission));
        }
    }
}
