//! Software, in three generations of the API that say the same in different words.
//!
//! | Generation | says | does not say |
//! |---|---|---|
//! | `/installed-applications` | all of it | |
//! | `/application-management/inventory/endpoints` | agent, name, version, size, date | the vendor: it was asked for |
//! | `/agents/applications` | name, vendor, version, size, date | the agent: it was asked for |
//!
//! What all three know is the identity, and that alone is the meaning: whichever answers cheapest today, the record
//! stays the same and has no new version.

use std::borrow::Cow;

use inventory::Reason;
use inventory::noun::SoftwareNoun;
use sentinelone::{AgentApplication, ApplicationEndpoint, Endpoint, InstalledApplication, JsonError, fields};
use sha2::{Digest, Sha256};

use super::{Asked, at, id, name, text, unescaped, word};

/// The letters of a fingerprint: five bits each, and none that is mistaken for another.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Letters of a fingerprint. Eighty bits tell the programs of one machine, or the products of one account, apart.
const FINGERPRINT_LETTERS: usize = 16;

/// The native id of software: `<agent>:<fingerprint of vendor, name and version>`. The same for every generation, and
/// in the order of agents. `asked` names what the generation leaves out: the agent (`scope_id`) or the vendor.
///
/// Several rows may have the same id: a machine can have one version of a product twice, such as for two processors.
///
/// # Errors
/// The bytes are no object, or they name no agent or no product.
pub fn software_id(endpoint: Endpoint, raw: &[u8], asked: Asked<'_>) -> Result<String, Reason> {
    let mut software = Named { agent: asked.scope_id.map(Cow::Borrowed), ..Named::default() };
    let (agent, product) = match endpoint {
        Endpoint::ApplicationEndpoints => {
            software.agent = None;
            software.vendor = asked.vendor.map(Cow::Borrowed);
            ("endpointId", "applicationName")
        }
        Endpoint::AgentApplications => ("", "name"),
        _ => {
            software.agent = None;
            ("agentId", "name")
        }
    };
    for member in fields(raw).map_err(unreadable)? {
        let (key, value) = member.map_err(unreadable)?;
        match &*key {
            key if key == product => software.name = value.text(),
            "version" => software.version = value.text(),
            "publisher" => software.vendor = value.text(),
            key if key == agent => {
                software.agent = value.text().or_else(|| value.i64().map(|id| id.to_string().into()));
            }
            _ => {}
        }
    }
    let agent = software.agent.filter(|agent| !agent.is_empty()).ok_or("it does not say on which agent it is");
    let agent = agent.map_err(|why| Reason(why.to_owned()))?;
    let product = clean(software.name.as_ref()).filter(|name| !name.is_empty()).ok_or("it has no name");
    let product = product.map_err(|why| Reason(why.to_owned()))?;
    let (vendor, version) = (clean(software.vendor.as_ref()), clean(software.version.as_ref()));
    let print = fingerprint(&[&product, &vendor.unwrap_or_default(), &version.unwrap_or_default()]);
    Ok(format!("{agent}:{print}"))
}

/// The meaning of software, as a hash: it is what it is known by.
#[must_use]
pub fn software_meaning(native_id: &str) -> [u8; 32] {
    crate::canonical::digest(native_id.as_bytes())
}

/// The native id of a product of the application inventory: `<account or site asked for>:<fingerprint of vendor and
/// name>`, because its counts are those of that account or site.
///
/// # Errors
/// The bytes are no object, or they name no product.
pub fn product_id(raw: &[u8], asked: Asked<'_>) -> Result<String, Reason> {
    let (mut product, mut vendor) = (None, None);
    for member in fields(raw).map_err(unreadable)? {
        let (key, value) = member.map_err(unreadable)?;
        match &*key {
            "applicationName" => product = value.text(),
            "applicationVendor" => vendor = value.text(),
            _ => {}
        }
    }
    let product = clean(product.as_ref()).filter(|name| !name.is_empty());
    let product = product.ok_or_else(|| Reason("it has no name".to_owned()))?;
    let print = fingerprint(&[&product, &clean(vendor.as_ref()).unwrap_or_default()]);
    Ok(format!("{}:{print}", asked.scope_id.unwrap_or_default()))
}

/// What a row says about whose it is and what it is.
#[derive(Default)]
struct Named<'a> {
    agent: Option<Cow<'a, str>>,
    vendor: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    version: Option<Cow<'a, str>>,
}

/// As it is shown: without escapes and without white space around it.
fn clean<'a>(value: Option<&'a Cow<'_, str>>) -> Option<Cow<'a, str>> {
    value.map(|value| match unescaped(value) {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    })
}

fn fingerprint(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let bits = digest[..16].iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
    (0..FINGERPRINT_LETTERS).map(|at| char::from(LETTERS[(bits >> (123 - 5 * at)) as usize & 31])).collect()
}

fn unreadable(error: JsonError) -> Reason {
    Reason(error.to_string())
}

pub(super) fn software(endpoint: Endpoint, raw: &[u8], asked: Asked<'_>) -> Result<SoftwareNoun, Reason> {
    Ok(match endpoint {
        Endpoint::ApplicationEndpoints => {
            let row = ApplicationEndpoint::decode(raw).map_err(unreadable)?;
            let vendor = asked.vendor.map(Cow::Borrowed);
            SoftwareNoun {
                agent_id: id(row.endpoint_id.as_ref()),
                product: name(row.application_name.as_ref()),
                vendor: name(vendor.as_ref()),
                version: name(row.version.as_ref()),
                kind: None,
                cpe: text(row.cpe.as_ref()),
                size: row.file_size,
                installed_at: at(row.application_installation_date),
            }
        }
        Endpoint::AgentApplications => {
            let row = AgentApplication::decode(raw).map_err(unreadable)?;
            SoftwareNoun {
                agent_id: asked.scope_id.map(str::to_owned),
                product: name(row.name.as_ref()),
                vendor: name(row.publisher.as_ref()),
                version: name(row.version.as_ref()),
                kind: None,
                cpe: None,
                size: row.size,
                installed_at: at(row.installed_date),
            }
        }
        _ => {
            let row = InstalledApplication::decode(raw).map_err(unreadable)?;
            SoftwareNoun {
                agent_id: id(row.agent_id.as_ref()),
                product: name(row.name.as_ref()),
                vendor: name(row.publisher.as_ref()),
                version: name(row.version.as_ref()),
                kind: word(row.kind.as_ref(), |kind| kind.as_str()),
                cpe: None,
                size: row.size,
                installed_at: at(row.installed_at),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTALLED: &[u8] = br#"{"id":"11","type":"app","name":"openssl","version":"3.0.2-0ubuntu1.18","size":5601,
        "publisher":"Ubuntu Developers &lt;ubuntu-devel-discuss@lists.ubuntu.com&gt;","agentId":"2162143406517023959",
        "installedAt":"2023-04-28T07:15:57Z","riskLevel":"high","signed":false,"agentComputerName":"srv-1"}"#;
    const OF_PRODUCT: &[u8] =
        br#"{"id":"2228104980080385459","applicationName":"openssl","version":"3.0.2-0ubuntu1.18",
        "endpointId":"2162143406517023959","endpointName":"srv-1","fileSize":null,"cpe":"cpe:2.3:a:openssl:openssl",
        "applicationInstallationDate":"2023-04-28T07:15:57Z","detectionDate":"2025-06-02T04:46:51.710561Z"}"#;
    const OF_AGENT: &[u8] =
        br#"{"name":"openssl ","publisher":"Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>",
        "version":"3.0.2-0ubuntu1.18","size":5601,"installedDate":"2023-04-28T07:15:57Z"}"#;
    const VENDOR: &str = "Ubuntu Developers &lt;ubuntu-devel-discuss@lists.ubuntu.com&gt;";

    fn of_product() -> Asked<'static> {
        Asked { scope_id: Some("somewhere"), vendor: Some(VENDOR), ..Asked::default() }
    }

    fn of_agent() -> Asked<'static> {
        Asked { scope_id: Some("2162143406517023959"), ..Asked::default() }
    }

    #[test]
    fn software_is_the_same_whichever_generation_tells_it() {
        let ids = [
            software_id(Endpoint::InstalledApplications, INSTALLED, Asked::default()),
            software_id(Endpoint::ApplicationEndpoints, OF_PRODUCT, of_product()),
            software_id(Endpoint::AgentApplications, OF_AGENT, of_agent()),
        ]
        .map(Result::unwrap);
        assert_eq!(ids[0], "2162143406517023959:y32tjnevzd0rqp2e");
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        let meanings = ids.map(|id| software_meaning(&id));
        assert!(meanings.iter().all(|meaning| *meaning == meanings[0]), "no version is made by changing the source");

        let told = [
            software(Endpoint::InstalledApplications, INSTALLED, Asked::default()),
            software(Endpoint::ApplicationEndpoints, OF_PRODUCT, of_product()),
            software(Endpoint::AgentApplications, OF_AGENT, of_agent()),
        ]
        .map(Result::unwrap);
        for noun in &told {
            assert_eq!(noun.agent_id.as_deref(), Some("2162143406517023959"));
            assert_eq!(
                (noun.product.as_deref(), noun.version.as_deref()),
                (Some("openssl"), Some("3.0.2-0ubuntu1.18"))
            );
            assert_eq!(
                noun.vendor.as_deref(),
                Some("Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>"),
                "without escapes"
            );
            assert_eq!(noun.installed_at.map(kernel::Timestamp::micros), Some(1_682_666_157_000_000));
        }
        assert_eq!((told[0].kind.as_deref(), told[1].size, told[2].size), (Some("app"), None, Some(5601)));
    }

    #[test]
    fn another_agent_vendor_name_or_version_is_other_software() {
        let id = |raw: &str| software_id(Endpoint::InstalledApplications, raw.as_bytes(), Asked::default()).unwrap();
        let all = [
            id(r#"{"agentId":"1","name":"a","publisher":"b","version":"c"}"#),
            id(r#"{"agentId":"2","name":"a","publisher":"b","version":"c"}"#),
            id(r#"{"agentId":"1","name":"ab","publisher":"","version":"c"}"#),
            id(r#"{"agentId":"1","name":"a","publisher":"bc","version":""}"#),
            id(r#"{"agentId":"1","name":"a","publisher":"b","version":"d"}"#),
        ];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
        // Nothing is nothing, however it is written, and an id may be a number.
        let nothing = id(r#"{"agentId":"1","name":"a"}"#);
        assert_eq!(nothing, id(r#"{"agentId":1,"name":" a ","publisher":null,"version":""}"#));
        assert_eq!(nothing, id(r#"{"version":7,"publisher":{},"name":"a","agentId":"1","more":[1,{"name":"x"}]}"#));
    }

    #[test]
    fn software_of_nobody_or_without_a_name_has_a_reason() {
        let of = |raw: &str| software_id(Endpoint::InstalledApplications, raw.as_bytes(), Asked::default());
        for raw in [r#"{"name":"a"}"#, r#"{"agentId":"","name":"a"}"#, r#"{"agentId":null,"name":"a"}"#] {
            assert_eq!(of(raw), Err(Reason("it does not say on which agent it is".to_owned())), "{raw}");
        }
        for raw in [r#"{"agentId":"1"}"#, r#"{"agentId":"1","name":" "}"#, r#"{"agentId":"1","name":null}"#] {
            assert_eq!(of(raw), Err(Reason("it has no name".to_owned())), "{raw}");
        }
        assert!(of("[]").is_err() && of(r#"{"agentId""#).is_err());
        // What was asked for is not taken for what the row itself has to say.
        let asked = Asked { scope_id: Some("9"), ..Asked::default() };
        assert!(software_id(Endpoint::InstalledApplications, br#"{"name":"a"}"#, asked).is_err());
    }

    #[test]
    fn a_product_is_known_by_vendor_and_name_where_it_was_asked_for() {
        let id =
            |raw: &str, scope| product_id(raw.as_bytes(), Asked { scope_id: Some(scope), ..Asked::default() }).unwrap();
        let one = id(r#"{"applicationName":"A","applicationVendor":"B &amp; C","endpointsCount":3}"#, "1");
        assert_eq!(one, id(r#"{"applicationVendor":"B & C","applicationName":"A","endpointsCount":4}"#, "1"));
        assert_ne!(one, id(r#"{"applicationName":"A","applicationVendor":"B & C"}"#, "2"));
        assert!(product_id(br#"{"applicationVendor":"B"}"#, Asked::default()).is_err());
    }
}
