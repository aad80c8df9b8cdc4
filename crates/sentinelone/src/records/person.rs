//! People and the tokens they hold.

use std::borrow::Cow;

use crate::json::Json;
use crate::records::choice::{TwoFaStatus, UserScope};
use crate::records::lenient::{Id, record};
use crate::time::Micros;

record! {
    /// The owner of a token (vendor spec, `GET /user`). `apiToken` holds times, no secret.
    User + drift {
        id: Id<'a> = "id",
        source: Cow<'a, str> = "source",
        global_user_id: Id<'a> = "globalUserId",
        global_organization_id: Id<'a> = "globalOrganizationId",
        email: Cow<'a, str> = "email",
        email_read_only: bool = "emailReadOnly",
        full_name: Cow<'a, str> = "fullName",
        full_name_read_only: bool = "fullNameReadOnly",
        first_login: Micros = "firstLogin",
        last_login: Micros = "lastLogin",
        date_joined: Micros = "dateJoined",
        lowest_role: Cow<'a, str> = "lowestRole",
        groups_read_only: bool = "groupsReadOnly",
        two_fa_enabled: bool = "twoFaEnabled",
        primary_two_fa_method: Cow<'a, str> = "primaryTwoFaMethod",
        email_verified: bool = "emailVerified",
        scope: UserScope = "scope",
        api_token: ApiToken<'a> = "apiToken",
        two_fa_enabled_read_only: bool = "twoFaEnabledReadOnly",
        agreed_eula: bool = "agreedEula",
        agreement_url: Cow<'a, str> = "agreementUrl",
        allow_remote_shell: bool = "allowRemoteShell",
        two_fa_configured: bool = "twoFaConfigured",
        scope_roles: Vec<ScopeRole<'a>> = "scopeRoles",
        is_system: bool = "isSystem",
        is_external_login_user: bool = "isExternalLoginUser",
        can_generate_api_token: bool = "canGenerateApiToken",
        elevated_session_duration_minutes: i64 = "elevatedSessionDurationMinutes",
        two_fa_status: TwoFaStatus = "twoFaStatus",
        tenant_roles: Vec<Json<'a>> = "tenantRoles",
        site_roles: Vec<ScopeRole<'a>> = "siteRoles",
    }
}

record! {
    /// When an API token was made and when it ends.
    ApiToken + drift {
        created_at: Micros = "createdAt",
        expires_at: Micros = "expiresAt",
    }
}

record! {
    /// A role that a user holds somewhere.
    ScopeRole {
        id: Id<'a> = "id",
        roles: Vec<Cow<'a, str>> = "roles",
        role_name: Cow<'a, str> = "roleName",
        role_id: Id<'a> = "roleId",
        name: Cow<'a, str> = "name",
        account_name: Cow<'a, str> = "accountName",
    }
}

record! {
    /// A user that is a program and holds a token (vendor spec, `GET /service-users`). `apiToken` holds times, no secret.
    ServiceUser + drift {
        id: Id<'a> = "id",
        name: Cow<'a, str> = "name",
        description: Cow<'a, str> = "description",
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
        last_activation: Micros = "lastActivation",
        scope: UserScope = "scope",
        scope_roles: Vec<ScopeRole<'a>> = "scopeRoles",
        created_by: UserName<'a> = "createdBy",
        updated_by: UserName<'a> = "updatedBy",
        api_token: ApiToken<'a> = "apiToken",
    }
}

record! {
    /// The user who made or changed something.
    UserName {
        id: Id<'a> = "id",
        name: Cow<'a, str> = "name",
    }
}

record! {
    /// A role and how many users hold it (vendor spec, `GET /rbac/roles`).
    Role + drift {
        id: Id<'a> = "id",
        name: Cow<'a, str> = "name",
        description: Cow<'a, str> = "description",
        created_at: Micros = "createdAt",
        updated_at: Micros = "updatedAt",
        creator: Cow<'a, str> = "creator",
        creator_id: Id<'a> = "creatorId",
        updated_by: Cow<'a, str> = "updatedBy",
        updated_by_id: Id<'a> = "updatedById",
        users_in_roles: i64 = "usersInRoles",
        scope: Cow<'a, str> = "scope",
        scope_id: Id<'a> = "scopeId",
        /// Whether the vendor made it.
        predefined_role: bool = "predefinedRole",
        account_name: Cow<'a, str> = "accountName",
        site_name: Cow<'a, str> = "siteName",
    }
}
