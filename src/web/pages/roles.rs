//! The page Roles under Users: the list, what a role allows, and the windows that create, change and delete one.

use askama::Template;
use axum::response::Response;

use crate::model::permission::Permission;
use crate::ops;
use crate::ops::companies::Choices;
use crate::ops::roles::RoleInput;
use crate::store::roles::{Role, RoleFilter};
use crate::urls;
use crate::web::company_field::{choices, read_company};
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::paging::{PAGE_SIZE, cut};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page, page_of_form};

#[derive(Template)]
#[template(path = "roles/list.html")]
struct ListPage<'a> {
    frame: Frame,
    form: &'a Form,
    roles: Vec<Role>,
    next: Option<String>,
}

pub async fn list(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let filter = RoleFilter {
        text: form.value("q").chars().take(200).collect(),
        after: form.value("after").parse().unwrap_or(0),
        limit: PAGE_SIZE + 1,
        ..RoleFilter::default()
    };
    let (mut roles, _) = ops::roles::list(&portal.app, &me.actor, None, &filter, false).await?;
    let search = ("q", form.value("q"));
    let after = cut(&mut roles).map(|last| last.id.to_string());
    let next = after.map(|after| urls::with_query(urls::ROLES, &[search, ("after", &after)]));
    let frame = Frame::of(&portal, &me, "Roles").await?;
    page(&ListPage { frame, form: &form, roles, next })
}

#[derive(Template)]
#[template(path = "roles/show.html")]
struct ShowPage {
    frame: Frame,
    role: Role,
    permissions: &'static [Permission],
    is_editable: bool,
}

pub async fn show(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let role = ops::roles::find(&portal.app, &me.actor, id).await?;
    let is_editable = ops::roles::is_editable(&me.actor, &role);
    let frame = Frame::of(&portal, &me, role.title.clone()).await?;
    page(&ShowPage { frame, role, permissions: Permission::ALL, is_editable })
}

#[derive(Template)]
#[template(path = "roles/form.html")]
struct RoleWindow<'a> {
    frame: Frame,
    form: &'a Form,
    choices: Choices,
    /// `None` for a new role.
    role: Option<Role>,
    /// Those that the actor may grant.
    permissions: Vec<Permission>,
    back: String,
}

impl RoleWindow<'_> {
    fn is_chosen(&self, permission: &Permission) -> bool {
        self.form.all("permission").any(|slug| slug == permission.slug())
    }
}

async fn show_form(portal: &Portal, me: &Me, role: Option<Role>, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::EditRoles)?;
    let (form, choices) = choices(portal, me, form, &["company"]).await?;
    let frame = Frame::of(portal, me, if role.is_some() { "Edit role" } else { "Create role" }).await?;
    let back = role.as_ref().map_or_else(|| urls::ROLES.to_owned(), |role| urls::role(role.id));
    let permissions = me.actor.may.iter().collect();
    page_of_form(&portal.app, &RoleWindow { frame, form: &form, choices, role, permissions, back }, &form)
}

fn input(form: &Form) -> RoleInput {
    RoleInput {
        title: Some(form.value("title").to_owned()),
        description: Some(form.value("description").to_owned()),
        permissions: Some(form.all("permission").map(str::to_owned).collect()),
    }
}

pub async fn create_window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let own = me.actor.company_id.to_string();
    show_form(&portal, &me, None, &form.or("company", own)).await
}

pub async fn create(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::EditRoles)?;
    let operation_id = form.operation(&portal.app, &me)?;
    let Some(company) = read_company(&portal, &me, &mut form, "company").await? else {
        return show_form(&portal, &me, None, &form).await;
    };
    match ops::roles::create(&portal.app, &me.actor, &operation_id, company, &input(&form)).await {
        Ok(_) => Ok(view::done(urls::ROLES, &operation_id)),
        Err(error) => show_form(&portal, &me, None, &form.refused(error)?).await,
    }
}

pub async fn edit_window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let role = ops::roles::find(&portal.app, &me.actor, id).await?;
    let mut form = Form::filled(&[("title", &role.title), ("description", &role.description)]);
    role.permissions().iter().for_each(|permission| form.push("permission", permission.slug()));
    show_form(&portal, &me, Some(role), &form).await
}

pub async fn edit(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::EditRoles)?;
    let operation_id = form.operation(&portal.app, &me)?;
    match ops::roles::change(&portal.app, &me.actor, &operation_id, id, &input(&form)).await {
        Ok(_) => Ok(view::done(&urls::role(id), &operation_id)),
        Err(error) => {
            let role = ops::roles::find(&portal.app, &me.actor, id).await?;
            show_form(&portal, &me, Some(role), &form.refused(error)?).await
        }
    }
}

#[derive(Template)]
#[template(path = "roles/delete.html")]
struct DeleteWindow<'a> {
    frame: Frame,
    form: &'a Form,
    role: Role,
}

async fn show_delete(portal: &Portal, me: &Me, id: i64, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::EditRoles)?;
    let role = ops::roles::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(portal, me, "Delete role").await?;
    page_of_form(&portal.app, &DeleteWindow { frame, form, role }, form)
}

pub async fn delete_window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    show_delete(&portal, &me, id, &Form::default()).await
}

pub async fn delete(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    match ops::roles::delete(&portal.app, &me.actor, &operation_id, id).await {
        Ok(_) => Ok(view::done(urls::ROLES, &operation_id)),
        Err(error) => show_delete(&portal, &me, id, &form.refused(error)?).await,
    }
}
