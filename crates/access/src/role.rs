//! Roles and what each may do: one table.

/// What a person, or a token, is in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads, works with assets, connects consoles and starts work.
    Operator,
    /// May do all.
    Admin,
    /// Reads, the audit trail and evidence too, and changes nothing.
    Auditor,
}

impl Role {
    /// All roles, in the order in which they are offered.
    pub const ALL: [Role; 4] = [Role::Viewer, Role::Operator, Role::Admin, Role::Auditor];

    /// The word that is stored and shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
            Role::Auditor => "auditor",
        }
    }

    /// Reads the word; nothing if it is none.
    #[must_use]
    pub fn parse(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }

    /// Whether this role may do whatever `other` may, so that its holder may hand `other` out.
    #[must_use]
    pub fn covers(self, other: Role) -> bool {
        Permission::ALL.into_iter().all(|permission| may(self, permission) || !may(other, permission))
    }
}

/// What somebody may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Read assets, software, vulnerabilities, findings, people and policies of consoles, and saved queries.
    ReadInventory,
    /// Read and search the log.
    ReadSignals,
    /// See integrations, tasks and their logs.
    ReadIntegrations,
    /// Read the audit trail.
    ReadAudit,
    /// Read and export evidence.
    ReadEvidence,
    /// Tag assets and set their owner.
    TagAssets,
    /// Merge, split and pin assets, set custom fields, and save queries for all.
    EditAssets,
    /// Start and stop syncs and scans.
    RunSync,
    /// Connect consoles, change integrations, tasks and their schedules.
    ManageIntegrations,
    /// Choose a saved credential for an integration or a task; see which there are.
    UseCredentials,
    /// Create and revoke connection links.
    ManageLinks,
    /// Save, change, grant and remove credentials.
    ManageCredentials,
    /// Add people to the organization, remove them and give them roles.
    ManagePeople,
    /// Make API tokens, never above one's own role, and revoke one's own.
    ManageOwnTokens,
    /// See and revoke everybody's API tokens.
    ManageTokens,
    /// Change the organization itself: its name, its sites and custom fields.
    ManageOrg,
    /// Change what all organizations share: see [`allowed`].
    ManageInstallation,
}

impl Permission {
    /// All permissions.
    pub const ALL: [Permission; 17] = [
        Permission::ReadInventory,
        Permission::ReadSignals,
        Permission::ReadIntegrations,
        Permission::ReadAudit,
        Permission::ReadEvidence,
        Permission::TagAssets,
        Permission::EditAssets,
        Permission::RunSync,
        Permission::ManageIntegrations,
        Permission::UseCredentials,
        Permission::ManageLinks,
        Permission::ManageCredentials,
        Permission::ManagePeople,
        Permission::ManageOwnTokens,
        Permission::ManageTokens,
        Permission::ManageOrg,
        Permission::ManageInstallation,
    ];

    /// Whether it is one to change something, which a token that only reads never may.
    #[must_use]
    pub const fn changes(self) -> bool {
        !matches!(
            self,
            Permission::ReadInventory
                | Permission::ReadSignals
                | Permission::ReadIntegrations
                | Permission::ReadAudit
                | Permission::ReadEvidence
        )
    }
}

/// The table: whether a role has a permission.
#[must_use]
pub const fn may(role: Role, permission: Permission) -> bool {
    use Permission as P;
    match permission {
        P::ReadInventory | P::ReadSignals | P::ReadIntegrations => true,
        P::ReadAudit | P::ReadEvidence => matches!(role, Role::Admin | Role::Auditor),
        P::TagAssets | P::EditAssets | P::RunSync | P::ManageIntegrations | P::UseCredentials | P::ManageLinks => {
            matches!(role, Role::Admin | Role::Operator)
        }
        // An auditor's token reads; a viewer's dashboard does too.
        P::ManageOwnTokens => true,
        P::ManageCredentials | P::ManagePeople | P::ManageTokens | P::ManageOrg | P::ManageInstallation => {
            matches!(role, Role::Admin)
        }
    }
}

/// Whether a role in an organization has a permission. As [`may`], except that the installation is managed by the
/// administrators of the organization that exists from the first start, and by no others.
#[must_use]
pub fn allowed(org: kernel::OrgId, role: Role, permission: Permission) -> bool {
    may(role, permission) && (permission != Permission::ManageInstallation || org == kernel::OrgId::DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::OrgId;

    #[test]
    fn roles_grow_from_viewer_to_admin_and_auditors_change_nothing_but_their_tokens() {
        assert!(Role::Operator.covers(Role::Viewer) && !Role::Viewer.covers(Role::Operator));
        assert!(Role::Admin.covers(Role::Operator) && Role::Admin.covers(Role::Auditor));
        assert!(Role::Auditor.covers(Role::Viewer) && !Role::Operator.covers(Role::Auditor));
        for permission in Permission::ALL {
            let own = permission == Permission::ManageOwnTokens;
            assert_eq!(may(Role::Auditor, permission), !permission.changes() || own, "{permission:?}");
        }
        assert!(!may(Role::Viewer, Permission::ReadAudit) && !may(Role::Operator, Permission::ManageCredentials));
    }

    #[test]
    fn only_the_first_organizations_admins_manage_the_installation() {
        assert!(allowed(OrgId::DEFAULT, Role::Admin, Permission::ManageInstallation));
        assert!(!allowed(OrgId(2), Role::Admin, Permission::ManageInstallation));
        assert!(allowed(OrgId(2), Role::Admin, Permission::ManagePeople));
        assert!(!allowed(OrgId::DEFAULT, Role::Operator, Permission::ManageInstallation));
    }

    #[test]
    fn a_word_is_a_role_and_nothing_else_is() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.word()), Some(role));
        }
        assert_eq!(Role::parse("Admin"), None);
        assert_eq!(Role::parse("root"), None);
    }
}
