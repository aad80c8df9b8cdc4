//! What an integration imports: the flags of `muster connect` and `muster integration set`, and the choices in words.

use clap::Args;
use inventory::onboard::Identity;
use sync::ImportChange;

/// What is imported.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "What is imported")]
pub struct ImportOptions {
    /// Installed software. Default: yes
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    pub software: Option<bool>,
    /// Vulnerabilities. Default: yes
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    pub vulnerabilities: Option<bool>,
    /// Which vulnerabilities: none, info, low, medium, high, critical, unknown. Default: all
    #[arg(long, value_name = "SEVERITY,..|all", value_delimiter = ',')]
    pub severities: Option<Vec<String>>,
    /// Leaves out machines that no scan knows. Default: no
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    pub exclude_unknown: Option<bool>,
    /// Makes assets of machines that no other source knows. Default: yes
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    pub auto_onboard: Option<bool>,
    /// By what another source knows a machine: correlation, or also computer-name. Default: correlation
    #[arg(long, value_name = "IDENTITY", value_parser = identity)]
    pub identity: Option<Identity>,
    /// Updates name, domain, OS, user, model and reported addresses of assets that exist. Default: yes
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    pub update_metadata: Option<bool>,
    /// Only agents of these console groups, and what hangs on them. Default: all
    #[arg(long, value_name = "GROUP,..|all", value_delimiter = ',')]
    pub groups: Option<Vec<String>>,
    /// Verdicts whose findings are failed. Default: true_positive,suspicious,undefined
    #[arg(long, value_name = "VERDICT,..", value_delimiter = ',')]
    pub verdicts: Option<Vec<String>>,
    /// Of devices that somebody untracked, only the device itself. Default: no
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    pub tracked_only: Option<bool>,
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "y" | "true" | "on" => Ok(true),
        "no" | "n" | "false" | "off" => Ok(false),
        _ => Err("write yes or no".to_owned()),
    }
}

fn identity(text: &str) -> Result<Identity, String> {
    Identity::from_word(text).ok_or_else(|| "write correlation or computer-name".to_owned())
}

impl ImportOptions {
    /// What the flags change.
    pub fn change(&self) -> ImportChange {
        // A group may have any name but this one: it stands for all of them.
        let groups = self.groups.clone().map(|groups| if groups == ["all"] { Vec::new() } else { groups });
        ImportChange {
            software: self.software,
            vulnerabilities: self.vulnerabilities,
            severities: self.severities.clone(),
            exclude_unknown: self.exclude_unknown,
            auto_onboard: self.auto_onboard,
            identity: self.identity,
            update_metadata: self.update_metadata,
            groups,
            verdicts: self.verdicts.clone(),
            tracked_only: self.tracked_only,
        }
    }
}
