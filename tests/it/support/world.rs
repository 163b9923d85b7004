//! A small world: Vendor above Distributor above Acme above Acme North; and Other, which is directly below Vendor.

use scrip::app::App;
use scrip::demo::actor;
use scrip::model::company::Path;
use scrip::model::resources::ResourceType;
use scrip::model::role;
use scrip::ops;
use scrip::store;

use super::{Browser, TestApp};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

pub struct World {
    pub vendor: i64,
    pub distributor: i64,
    pub acme: i64,
    pub acme_north: i64,
    pub other: i64,
}

impl World {
    /// Creates the companies and their people; Vendor gets 1,000 Credit.
    pub async fn new(test: &TestApp) -> World {
        let app = &test.app;
        let hash = cheap_hash();
        let mut tx = app.db.write().await.unwrap();
        let now = app.clock.now();
        let vendor = store::companies::insert(&mut tx, "Vendor", None, now).await.unwrap();
        let vendor_path = Path::of(None, vendor);
        let mut add = async |name: &str, parent: i64, path: &Path| {
            let id = store::companies::insert(&mut tx, name, Some((parent, path)), now).await.unwrap();
            (id, Path::of(Some(path), id))
        };
        let (distributor, distributor_path) = add("Distributor", vendor, &vendor_path).await;
        let (acme, acme_path) = add("Acme", distributor, &distributor_path).await;
        let (acme_north, _) = add("Acme North", acme, &acme_path).await;
        let (other, _) = add("Other", vendor, &vendor_path).await;
        for (email, company, role) in [
            ("operator@test.example", vendor, role::ADMIN),
            ("auditor@test.example", vendor, role::READ_ONLY),
            ("distributor@test.example", distributor, role::ADMIN),
            ("acme@test.example", acme, role::ADMIN),
            ("north@test.example", acme_north, role::END_USER),
            ("other@test.example", other, role::ADMIN),
            ("customer@test.example", other, role::END_USER),
        ] {
            let id = store::users::insert(&mut tx, company, email, role, now).await.unwrap().unwrap();
            store::users::set_password(&mut tx, id, &hash).await.unwrap();
        }
        tx.commit().await.unwrap();
        let world = World { vendor, distributor, acme, acme_north, other };
        let operator = actor(app, "operator@test.example").await.unwrap();
        ops::resources::issue(app, &operator, "seed-issue", ResourceType::CREDIT, 1_000, "").await.unwrap();
        world
    }

    /// Moves Credit from Vendor to a company.
    pub async fn give(&self, test: &TestApp, company: i64, amount: i64) {
        let operator = actor(&test.app, "operator@test.example").await.unwrap();
        let key = format!("seed-{company}-{amount}");
        ops::resources::move_units(&test.app, &operator, &key, ResourceType::CREDIT, self.vendor, company, amount)
            .await
            .unwrap();
    }

    /// A company's available Credit.
    pub async fn credit(&self, test: &TestApp, company: i64) -> i64 {
        let mut tx = test.app.db.read().await.unwrap();
        store::pools::balance(&mut tx, company, ResourceType::CREDIT).await.unwrap()
    }

    /// Creates a code of a company as the given person; returns its id and the code.
    pub async fn code(&self, test: &TestApp, by: &str, amount: i64) -> (i64, String) {
        let maker = actor(&test.app, by).await.unwrap();
        let key = scrip::web::form::new_nonce(&test.app);
        let order = ops::codes::changes::CodeOrder {
            company_id: maker.company_id,
            resource_type: ResourceType::CREDIT,
            amount,
            comment: "",
            count: 1,
        };
        let made = ops::codes::changes::create(&test.app, &maker, &key, &order).await.unwrap();
        let id = made.transfers[0].code_id.unwrap();
        (id, ops::codes::find(&test.app, &maker, id).await.unwrap().shown.text)
    }
}

/// Argon2 with the lowest cost, because the tests sign in hundreds of times.
fn cheap_hash() -> String {
    use argon2::password_hash::PasswordHasher as _;
    let params = argon2::Params::new(8, 1, 1, None).unwrap();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let hash: argon2::password_hash::phc::PasswordHash =
        argon2.hash_password_with_salt(PASSWORD.as_bytes(), b"sixteen bytes ok").unwrap();
    hash.to_string()
}

/// A signed-in browser.
pub async fn browser(test: &TestApp, email: &str) -> Browser {
    let mut browser = test.browser();
    browser.sign_in(email).await;
    browser
}

/// The actor with this address.
pub async fn who(app: &App, email: &str) -> ops::actor::Actor {
    actor(app, email).await.unwrap()
}
