//! Coverage: how long each balance of a company lasts for the devices that draw on it.

use super::actor::Actor;
use super::error::OpResult;
use crate::app::App;
use crate::model::coverage::Coverage;
use crate::model::forecast::Forecast;
use crate::model::permission::Permission;
use crate::model::resources::ResourceType;
use crate::store;

/// The coverage of each balance of a company of the tree that a device draws on.
///
/// # Errors
/// [`super::error::OpError::NotFound`] outside the tree.
pub async fn of_company(app: &App, actor: &Actor, company_id: i64) -> OpResult<Vec<Coverage>> {
    super::companies::find_to(Permission::ViewResources, app, actor, company_id).await?;
    let today = app.clock.now().day();
    let mut tx = app.db.read().await?;
    let pools = store::coverage::pools(&mut tx, company_id, today).await?;
    drop(tx);
    Ok(pools.into_iter().filter_map(|(t, pools)| Coverage::of(t, &Forecast::new(t, today, pools), today)).collect())
}

/// The coverage of one balance of a company; `None` if nothing draws on it.
///
/// # Errors
/// As [`of_company`].
pub async fn of_pool(app: &App, actor: &Actor, company_id: i64, of: ResourceType) -> OpResult<Option<Coverage>> {
    let all = of_company(app, actor, company_id).await?;
    Ok(all.into_iter().find(|c| c.resource_type == of))
}
