//! Where assets live, what else is known of them, and who answers for which: sites, custom fields, rules for owners.

mod api;
mod pages;

use access::Permission;
use axum::http::Method;
use inventory::Memory;
use inventory::field::{FieldError, FieldKind, Filling};
use inventory::owner::OwnerError;
use inventory::site::SiteError;
use kernel::OrgId;

use crate::openapi::{Operation, Shape};
use crate::problem::sentence;
use crate::route::{Route, Who, api, form, page};
use crate::{App, Problem, Visitor};

/// Where they are. The list of sites with what is asked of them is at `/sites`, as of every inventory.
const HOME: &str = "/fields";

/// Its routes.
pub fn routes() -> Vec<Route> {
    let read = Who::May(Permission::ReadInventory);
    let manage = Who::May(Permission::ManageOrg);
    let told = |id: &str, summary: &str, shape| Operation::new(id, "Sites and fields", summary, shape);
    let done = Shape::of::<api::Done>;
    let add_site = told("add_site", "Makes a site.", done()).sends(Shape::of::<api::NewSite>());
    let rename_site = told("rename_site", "Gives a site another name, everywhere; its assets stay.", done())
        .path("name", "The site's name.")
        .sends(Shape::of::<api::NewSite>());
    let fields = told("list_fields", "Lists custom fields.", Shape::of::<api::Fields>()).paged();
    let add_field =
        told("add_field", "Makes a custom field and fills it from tags.", done()).sends(Shape::of::<api::NewField>());
    let remove_field = told("remove_field", "Removes a custom field and its values; tags stay.", done())
        .path("key", "The field's name.");
    let owners =
        told("list_owner_rules", "Lists the rules for owners, in their order.", Shape::of::<api::Rules>()).paged();
    let add_owner = told("add_owner_rule", "Adds a rule behind the others, and lets the rules decide.", done())
        .sends(Shape::of::<api::NewRule>());
    let remove_owner = told("remove_owner_rule", "Removes a rule, and lets the rules decide.", done())
        .path("position", "Its place, from 1.");
    vec![
        page(HOME, read, pages::show),
        form("/fields/sites/add", manage, pages::add_site),
        form("/fields/sites/rename", manage, pages::rename_site),
        form("/fields/add", manage, pages::add_field),
        form("/fields/remove", manage, pages::remove_field),
        form("/fields/owners/add", manage, pages::add_owner),
        form("/fields/owners/remove", manage, pages::remove_owner),
        api(Method::POST, "/sites", manage, add_site, api::add_site),
        api(Method::PATCH, "/sites/{name}", manage, rename_site, api::rename_site),
        api(Method::GET, "/fields", read, fields, api::fields),
        api(Method::POST, "/fields", manage, add_field, api::add_field),
        api(Method::DELETE, "/fields/{key}", manage, remove_field, api::remove_field),
        api(Method::GET, "/owner-rules", read, owners, api::owners),
        api(Method::POST, "/owner-rules", manage, add_owner, api::add_owner),
        api(Method::DELETE, "/owner-rules/{position}", manage, remove_owner, api::remove_owner),
    ]
}

/// Makes a site.
async fn add_site(app: &App, visitor: &Visitor, name: String) -> Result<String, Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let told = format!("{} is there.", name.trim());
    app.store.write(move |tx| inventory::site::add_site(tx, org, &name, &by, now)).await?;
    Ok(told)
}

/// Gives a site another name.
async fn rename_site(app: &App, visitor: &Visitor, name: String, to: String) -> Result<String, Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let told = format!("{name} is called {} from now on.", to.trim());
    app.store.write(move |tx| sync::rename_site(tx, org, &name, &to, &by, now)).await?;
    Ok(told)
}

/// What a field's values are, as it was sent.
fn kind(word: &str, choices: Vec<String>) -> Result<FieldKind, Problem> {
    match word {
        "text" | "" => Ok(FieldKind::Text),
        "number" => Ok(FieldKind::Number),
        "date" => Ok(FieldKind::Date),
        "choice" => Ok(FieldKind::Choice(choices)),
        _ => Err(Problem::invalid("The values of a field are text, number, date or choice.")),
    }
}

/// Makes a field, and fills it step by step.
async fn add_field(app: &App, visitor: &Visitor, key: String, kind: FieldKind) -> Result<String, Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let made = key.clone();
    app.store.write(move |tx| inventory::field::add_field(tx, org, &made, &kind, &by, now)).await?;
    let mut filling = Some(Filling::begin(now));
    while let Some(at) = filling {
        filling = app.store.write(move |tx| inventory::field::fill(tx, org, at)).await?;
    }
    let wanted = key.clone();
    let filled = app.store.read(move |tx| {
        let all = inventory::field::fields(tx, org)?;
        Ok::<_, store::StoreError>(all.iter().find(|field| field.key == wanted).map_or(0, |field| field.filled))
    });
    let shown = ui::noun(filled.await?, "asset", "assets");
    let asked = query::tree::Name { text: format!("field.{key}"), span: query::Span::default() };
    Ok(format!("{key} is filled by tags on {shown}. Ask for it as {asked}."))
}

/// Removes a field with its values.
async fn remove_field(app: &App, visitor: &Visitor, key: String) -> Result<String, Problem> {
    let (org, by, now, gone) = (visitor.org, visitor.login.clone(), app.world.now(), key.clone());
    let values = app.store.write(move |tx| inventory::field::remove_field(tx, org, &gone, &by, now)).await?;
    Ok(format!("{key} and its {} are gone. Tags are as they were.", ui::noun(values, "value", "values")))
}

/// Adds a rule, and lets the rules decide.
async fn add_owner(app: &App, visitor: &Visitor, name: String, when: String) -> Result<String, Problem> {
    let (org, by, now, owner) = (visitor.org, visitor.login.clone(), app.world.now(), name.clone());
    let write = app.store.write(move |tx| inventory::owner::add_owner(tx, org, &owner, &when, &by, now));
    let matching = write.await?;
    let changed = decide(app, org).await?;
    Ok(format!("By itself the rule for {name} matches {}. {changed}", ui::noun(matching, "asset", "assets")))
}

/// Removes a rule, and lets the rules decide.
async fn remove_owner(app: &App, visitor: &Visitor, position: i64) -> Result<String, Problem> {
    let (org, by, now) = (visitor.org, visitor.login.clone(), app.world.now());
    let rule = app.store.write(move |tx| inventory::owner::remove_owner(tx, org, position, &by, now)).await?;
    let changed = decide(app, org).await?;
    Ok(format!("The rule for {} is gone. {changed}", rule.name))
}

async fn decide(app: &App, org: OrgId) -> Result<String, Problem> {
    let now = app.world.now();
    let evaluate = move |tx: &mut store::Tx<'_>| inventory::owner::evaluate_owners(tx, org, &Memory::default(), now);
    let evaluated = app.store.write(evaluate).await?;
    Ok(format!("{} changed hands.", ui::noun(evaluated.changed, "asset", "assets")))
}

impl From<SiteError> for Problem {
    fn from(error: SiteError) -> Problem {
        match error {
            SiteError::Store(error) => error.into(),
            SiteError::Inventory(error) => error.into(),
            SiteError::Unknown { .. } => Problem::missing("site"),
            SiteError::Taken(_) => Problem::conflict(sentence(&error)),
            SiteError::Name => Problem::invalid(sentence(&error)),
        }
    }
}

impl From<OwnerError> for Problem {
    fn from(error: OwnerError) -> Problem {
        match error {
            OwnerError::Store(error) => error.into(),
            OwnerError::Inventory(error) => error.into(),
            OwnerError::Ask(error) => error.into(),
            OwnerError::Unknown { .. } => Problem::missing("rule"),
            OwnerError::NoAsset(_) => Problem::missing("asset"),
            OwnerError::TooMany => Problem::conflict(sentence(&error)),
            OwnerError::Name => Problem::invalid(sentence(&error)),
        }
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Problem {
        match error {
            FieldError::Store(error) => error.into(),
            FieldError::Inventory(error) => error.into(),
            FieldError::Unknown { .. } => Problem::missing("field"),
            FieldError::NoAsset(_) => Problem::missing("asset"),
            FieldError::Taken(_) | FieldError::TooMany => Problem::conflict(sentence(&error)),
            FieldError::NoChoices => Problem::wrong("choices", "A choice has at least one value."),
            FieldError::Key | FieldError::Value { .. } => Problem::invalid(sentence(&error)),
        }
    }
}
