//! What a change of devices has locked: their companies, the companies that they go to, and those of the tags that they
//! get. Devices do not move and tags stay as they are until the end of the transaction.

use crate::model::company::Path;
use crate::model::refusal::CompanyReason;
use crate::ops::actor::Actor;
use crate::ops::devices::rows::RowRefusal;
use crate::ops::error::{OpError, OpResult, refuse};
use crate::ops::work::Work;
use crate::store;
use crate::store::companies::LockedCompany;
use crate::store::devices::Device;
use crate::store::tags::Tag;

/// Devices and tags of the actor's tree, each by ascending id.
pub(crate) struct Locked {
    pub devices: Vec<Device>,
    pub tags: Vec<Tag>,
    companies: Vec<LockedCompany>,
}

impl Locked {
    /// Locks in one step everything that the act names. What is outside the tree is not there.
    ///
    /// # Errors
    /// A collision if a device moved in between.
    pub async fn of(
        work: &mut Work,
        actor: &Actor,
        device_ids: &[i64],
        company_ids: &[i64],
        tag_ids: &[i64],
    ) -> OpResult<Locked> {
        let (tx, tree) = (&mut work.tx, &actor.company_path);
        let mut wanted = company_ids.to_vec();
        if !device_ids.is_empty() {
            wanted.extend(store::devices::companies(tx, tree, device_ids).await?);
        }
        if !tag_ids.is_empty() {
            wanted.extend(store::tags::find_many(tx, tree, tag_ids).await?.iter().map(|tag| tag.company_id));
        }
        wanted.sort_unstable();
        wanted.dedup();
        let companies = store::companies::lock(tx, tree, &wanted).await?;
        // Read under the lock: another process may have moved one of them.
        let devices = match device_ids {
            [] => Vec::new(),
            ids => store::devices::find_many(tx, tree, ids).await?,
        };
        let mut tags = match tag_ids {
            [] => Vec::new(),
            ids => store::tags::find_many(tx, tree, ids).await?,
        };
        let is_locked = |id: i64| companies.binary_search_by_key(&id, |company| company.id).is_ok();
        tags.retain(|tag| is_locked(tag.company_id));
        match devices.iter().all(|device| is_locked(device.company_id)) {
            true => Ok(Locked { devices, tags, companies }),
            false => Err(OpError::Collision),
        }
    }

    pub fn device(&self, id: i64) -> Option<&Device> {
        self.devices.binary_search_by_key(&id, |device| device.id).ok().map(|n| &self.devices[n])
    }

    pub fn company(&self, id: i64) -> Option<&LockedCompany> {
        self.companies.binary_search_by_key(&id, |company| company.id).ok().map(|n| &self.companies[n])
    }

    /// # Errors
    /// A refusal at `company` if it is not in the tree.
    pub fn require_company(&self, id: i64) -> OpResult<&LockedCompany> {
        self.company(id).map_or_else(|| refuse("company", CompanyReason::Unknown), Ok)
    }

    /// Whether devices of a company may have these tags.
    pub fn check_tags(&self, tag_ids: &[i64], company_id: i64) -> Result<(), RowRefusal> {
        let company = self.company(company_id).ok_or(RowRefusal::UnknownCompany)?;
        let path = Path::from_stored(company.path.clone());
        for id in tag_ids {
            let tag = self.tag(*id).ok_or(RowRefusal::UnknownTag)?;
            if !tag.reaches(&path) {
                return Err(RowRefusal::TagOutOfReach);
            }
        }
        Ok(())
    }

    /// Whether these tags are in the tree.
    pub fn know_tags(&self, tag_ids: &[i64]) -> Result<(), RowRefusal> {
        tag_ids.iter().try_for_each(|id| self.tag(*id).map(|_| ()).ok_or(RowRefusal::UnknownTag))
    }

    fn tag(&self, id: i64) -> Option<&Tag> {
        self.tags.binary_search_by_key(&id, |tag| tag.id).ok().map(|n| &self.tags[n])
    }
}
