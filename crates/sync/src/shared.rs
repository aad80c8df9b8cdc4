//! Tokens that are saved on their own: credentials that any number of integrations may share.

use access::{Custody, Facts};
use kernel::{CredentialId, IntegrationId, OrgId, Timestamp};
use sentinelone::{Client, Console, Probe, Token, TokenProblem, probe};
use store::Tx;

use crate::SyncError;
use crate::connect::{pauses, scope_word};
use crate::explorers::{At, absent, way};
use crate::run::Place;
use crate::standing::{self, Found};

/// An integration that reads with a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Whose it is.
    pub org: OrgId,
    /// Its id.
    pub integration: IntegrationId,
    /// Its name.
    pub name: String,
}

/// Every integration that reads with a saved credential, in whichever organization, by organization and name.
///
/// # Errors
/// The database fails.
pub fn uses(tx: &mut Tx<'_>, credential: CredentialId) -> Result<Vec<Use>, SyncError> {
    // A credential's number is its own in the whole installation.
    const READ: &str = "SELECT org_id, integration_id, name FROM sync_integration WHERE credential_id = $1 \
        ORDER BY org_id, name";
    Ok(tx.query(READ, &[credential.into()], |row| {
        let (org, integration) = (OrgId(row.int(0)?), IntegrationId(row.int(1)?));
        Ok(Use { org, integration, name: row.text(2)?.to_owned() })
    })?)
}

/// Opens a saved credential of the place's organization as a console's token, wherever its secret is kept. Where an Explorer
/// keeps it, it stays there: what is answered stands in its place, and opens nothing.
///
/// # Errors
/// The organization may not use it, its secret cannot be had, or it is no token.
pub async fn open_token(place: Place<'_>, credential: CredentialId) -> Result<Token, SyncError> {
    let (org, keys, now) = (place.org, place.keys.clone(), place.world.now());
    let read = place.store.read(move |tx| {
        let custody = access::open_credential(tx, &keys, org, credential)?;
        let name = access::credential(tx, org, credential)?.map(|of| of.name).unwrap_or_default();
        Ok::<_, SyncError>((custody, name))
    });
    let (custody, name) = place.world.outside(read).await?;
    if matches!(custody, Custody::Explorer(_)) {
        return Ok(absent(&credential.to_string()));
    }
    let secret = place.world.outside(place.keys.secret(custody, &name, now)).await?;
    let wrong = |problem: TokenProblem| SyncError::NoToken { name: name.clone(), why: problem.to_string() };
    Token::parse(secret.expose()).map_err(wrong)
}

/// Tries a token on a console, from here or from an Explorer: about twenty reads, nothing is stored. `credential` is the one
/// that it was opened from; `private` allows a console inside a private network.
///
/// # Errors
/// The console does not answer, is none, or refuses the token for `GET /user` or for agents.
pub async fn try_token(
    place: Place<'_>,
    console: &Console,
    token: &Token,
    at: &At,
    credential: Option<CredentialId>,
    private: bool,
) -> Result<Probe, SyncError> {
    let transport = way(place, at, credential, console, token, private).await?;
    let client = Client::new(console.clone(), token.clone(), transport);
    Ok(probe(&client, &pauses(place.world)).await?)
}

/// What a probe says about a credential.
#[must_use]
pub fn facts(probe: &Probe) -> Facts {
    Facts {
        role: probe.role.clone(),
        scope: Some(scope_word(&probe.scope)),
        expires_at: probe.expires_at.map(|at| Timestamp::from_micros(at.0)),
    }
}

/// Lets every integration go on that reads with a saved credential, now that its new secret has worked.
///
/// # Errors
/// The database fails.
pub fn renewed(tx: &mut Tx<'_>, credential: CredentialId, now: Timestamp) -> Result<(), SyncError> {
    for of in uses(tx, credential)? {
        standing::settle(tx, of.org, of.integration, &Found::Works, now)?;
        standing::all_due(tx, of.org, of.integration)?;
    }
    Ok(())
}
