//! The records of accounts, sites, groups, users and service users. They are few, so they are made when asked for.

use serde_json::{Value, json};

use crate::state::{Reach, State, ascii};
use crate::text::{DAY, micros_text, seconds_text};

/// Agents of each group, site and account that are neither decommissioned nor uninstalled.
pub(crate) struct Headcount {
    pub(crate) groups: Vec<i64>,
    pub(crate) sites: Vec<i64>,
    pub(crate) accounts: Vec<i64>,
}

fn licences(count: i64) -> Value {
    json!({
        "bundles": [{
            "displayName": "Singularity Complete",
            "majorVersion": 1,
            "minorVersion": 12,
            "name": "singularity_complete",
            "surfaces": [{"count": count, "name": "Total Agents"}],
            "totalSurfaces": 1,
        }],
        "modules": [{"displayName": "STAR", "majorVersion": 1, "name": "star"}],
        "settings": [
            {
                "displayName": "14 Days",
                "groupName": "malicious_data_retention",
                "setting": "14 Days",
                "settingGroup": "malicious_data_retention",
                "settingGroupDisplayName": "Malicious Data Retention",
            },
        ],
    })
}

impl State {
    pub(crate) fn headcount(&self) -> Headcount {
        let mut count = Headcount {
            groups: vec![0; self.groups.len()],
            sites: vec![0; self.sites.len()],
            accounts: vec![0; self.accounts.len()],
        };
        for agent in &self.agents {
            if !agent.gone && agent.decommissioned.is_none() && agent.uninstalled.is_none() {
                count.groups[agent.group as usize] += 1;
            }
        }
        for (index, group) in self.groups.iter().enumerate() {
            count.sites[group.site] += count.groups[index];
        }
        for (index, site) in self.sites.iter().enumerate() {
            count.accounts[site.account] += count.sites[index];
        }
        count
    }

    /// A record with every field named in the vendor spec, `GET /accounts`.
    pub(crate) fn account_record(&self, index: usize, count: &Headcount) -> Value {
        let account = &self.accounts[index];
        let agents = count.accounts[index];
        let sites = self.sites.iter().filter(|s| s.account == index && !s.deleted).count();
        json!({
            "accountType": "Paid",
            "activeAgents": agents,
            "agentsInCompleteSku": agents,
            "agentsInControlSku": 0,
            "agentsInCoreSku": 0,
            "billingMode": "subscription",
            "completeSites": sites,
            "controlSites": 0,
            "coreSites": 0,
            "createdAt": micros_text(account.created),
            "creator": self.users[0].name,
            "creatorId": self.users[0].id.to_string(),
            "expiration": if index == 1 { Value::from(micros_text(self.start + 300 * DAY)) } else { Value::Null },
            "externalId": if index.is_multiple_of(2) { Value::Null } else { Value::from("") },
            "id": account.id.to_string(),
            "isDefault": index == 0,
            "licenses": licences(-1),
            "makeSocDefaultUi": false,
            "name": account.name,
            "numberOfSites": sites,
            "salesforceId": if index == 0 { Value::from("0016g00000simul") } else { Value::Null },
            "skus": [{"agentsInSku": agents, "totalLicenses": 0, "type": "Complete", "unlimited": true}],
            "state": "active",
            "totalComplete": 0,
            "totalControl": 0,
            "totalCore": 0,
            "totalLicenses": 0,
            "unlimitedComplete": true,
            "unlimitedControl": false,
            "unlimitedCore": false,
            "unlimitedExpiration": index != 1,
            "updatedAt": micros_text(account.updated),
            "usageType": if index == 0 { "mssp" } else { "customer" },
        })
    }

    /// A record as `GET /sites` sends it, registration token included: a client must blank it.
    pub(crate) fn site_record(&self, index: usize, count: &Headcount) -> Value {
        let site = &self.sites[index];
        json!({
            "accountId": self.accounts[site.account].id.to_string(),
            "accountName": self.accounts[site.account].name,
            "activeLicenses": count.sites[index],
            "createdAt": micros_text(site.created),
            "creator": self.users[0].name,
            "creatorId": self.users[0].id.to_string(),
            "description": if index.is_multiple_of(3) { Value::Null } else { Value::from("Offices &amp; field staff") },
            "expiration": null,
            "externalId": match index % 3 { 0 => Value::Null, 1 => Value::from(""), _ => Value::from(format!("loc-{index}")) },
            "healthStatus": true,
            "id": site.id.to_string(),
            "inheritAccountExpiration": true,
            "isDefault": index == 0,
            "licenses": licences(if index.is_multiple_of(2) { -1 } else { 500 }),
            "name": site.name,
            "registrationToken": format!("simulated-site-registration-{index}"),
            "siteType": if index % 9 == 8 { "Trial" } else { "Paid" },
            "sku": "Complete",
            "state": if site.deleted { "deleted" } else { "active" },
            "suite": "Complete",
            "totalLicenses": if index.is_multiple_of(2) { 0 } else { 500 },
            "unlimitedExpiration": true,
            "unlimitedLicenses": index.is_multiple_of(2),
            "updatedAt": micros_text(site.updated),
            "usageType": "customer",
        })
    }

    /// A record as `GET /groups` sends it, registration token included: a client must blank it.
    pub(crate) fn group_record(&self, index: usize, count: &Headcount) -> Value {
        let group = &self.groups[index];
        let filter = (group.kind == "dynamic").then(|| (group.id + 9).to_string());
        json!({
            "createdAt": micros_text(group.created),
            "creator": self.users[0].name,
            "creatorId": self.users[0].id.to_string(),
            "description": if index.is_multiple_of(2) { Value::Null } else { Value::from("") },
            "filterId": filter,
            "filterName": filter.as_ref().map(|_| format!("{} by filter", group.name)),
            "id": group.id.to_string(),
            "inherits": group.policy.is_none(),
            "isDefault": group.default,
            "name": group.name,
            "rank": group.rank,
            "registrationToken": format!("simulated-group-registration-{index}"),
            "siteId": self.sites[group.site].id.to_string(),
            "totalAgents": count.groups[index],
            "type": group.kind,
            "updatedAt": micros_text(group.updated),
        })
    }

    fn scope_role(&self, index: usize) -> Vec<Value> {
        let user = &self.users[index];
        let role_id = crate::estate_more::role_id(user.role).to_string();
        match user.reach {
            Reach::Tenant => Vec::new(),
            Reach::Account(account) => vec![json!({
                "accountName": self.accounts[account].name,
                "id": self.accounts[account].id.to_string(), "name": self.accounts[account].name,
                "roleId": role_id, "roleName": user.role, "roles": [user.role],
            })],
            Reach::Site(site) => vec![json!({
                "accountName": self.accounts[self.sites[site].account].name,
                "id": self.sites[site].id.to_string(), "name": self.sites[site].name,
                "roleId": role_id, "roleName": user.role, "roles": [user.role],
            })],
        }
    }

    fn token_dates(token: Option<(i64, i64)>) -> Value {
        token.map_or(
            Value::Null,
            |(made, ends)| json!({"createdAt": micros_text(made), "expiresAt": seconds_text(ends)}),
        )
    }

    /// A console user as `GET /users` sends it. `token` is the token in use, when the user asks about itself.
    pub(crate) fn user_record(&self, index: usize, token: Option<(i64, i64)>) -> Value {
        let user = &self.users[index];
        let tenant: Vec<&str> = if user.reach == Reach::Tenant { vec![user.role] } else { Vec::new() };
        let second_factor = !index.is_multiple_of(4);
        let mut record = json!({
            "agreedEula": true,
            "agreementUrl": "https://console.example/eula",
            "allowRemoteShell": false,
            "apiToken": Self::token_dates(token.or(user.token)),
            "canGenerateApiToken": true,
            "dateJoined": micros_text(user.created),
            "email": if user.service { Value::Null } else { Value::from(user.email.clone()) },
            "emailReadOnly": false,
            "emailVerified": !index.is_multiple_of(7),
            "firstLogin": micros_text(user.created + DAY),
            "fullName": user.name,
            "fullNameReadOnly": false,
            "globalOrganizationId": null,
            "globalUserId": null,
            "groupsReadOnly": false,
            "id": user.id.to_string(),
            "isSystem": false,
            "lastLogin": micros_text(user.last_login),
            "lowestRole": user.role,
            "primaryTwoFaMethod": if second_factor { "application" } else { "" },
            "scope": match user.reach { Reach::Tenant => "tenant", Reach::Account(_) => "account", Reach::Site(_) => "site" },
            "scopeRoles": self.scope_role(index),
            "siteRoles": if matches!(user.reach, Reach::Site(_)) { self.scope_role(index).into_iter().map(|mut role| {
                if let Some(role) = role.as_object_mut() { role.remove("accountName"); }
                role
            }).collect() } else { Vec::new() },
            "source": if index.is_multiple_of(2) { "mgmt" } else { "sso_saml" },
            "tenantRoles": tenant,
            "twoFaConfigured": second_factor,
            "twoFaEnabled": second_factor,
            "twoFaEnabledReadOnly": false,
            "twoFaStatus": if second_factor { "configured" } else { "not_configured" },
        });
        for (key, value) in user.patch.iter().flat_map(|patch| patch.iter()) {
            record[key.as_str()] = value.clone();
        }
        record
    }

    /// A service user as `GET /service-users` sends it.
    pub(crate) fn service_user_record(&self, index: usize) -> Value {
        let user = &self.users[index];
        let made = micros_text(user.created);
        let by = json!({"id": self.users[0].id.to_string(), "name": ascii(&self.users[0].name)});
        let mut record = json!({
            "apiToken": Self::token_dates(user.token),
            "createdAt": made,
            "createdBy": by,
            "description": null,
            "id": user.id.to_string(),
            "lastActivation": micros_text(user.last_login),
            "name": user.name,
            "scope": match user.reach { Reach::Tenant => "tenant", Reach::Account(_) => "account", Reach::Site(_) => "site" },
            "scopeRoles": self.scope_role(index),
            // A moment before it was created, as recorded.
            "updatedAt": micros_text(user.created - 2175),
            "updatedBy": by,
        });
        for (key, value) in user.patch.iter().flat_map(|patch| patch.iter()) {
            record[key.as_str()] = value.clone();
        }
        record
    }
}
