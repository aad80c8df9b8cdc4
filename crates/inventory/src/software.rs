//! Software: one version of one product on one machine, as an agent reported it.

use kernel::Timestamp;

use crate::out::Out;

/// What a console says about a program on a machine. There are some twenty for each, so the row is narrow: names are
/// numbers of dictionaries, and what is asked about rarely is left in the body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SoftwareNoun {
    /// Native id of the agent on that machine.
    pub agent_id: Option<String>,
    /// The product's name.
    pub product: Option<String>,
    /// Who made it.
    pub vendor: Option<String>,
    /// Its version, as the machine spells it.
    pub version: Option<String>,
    /// What sort of thing it is: `app`, `patch`, `chromeExtension`.
    pub kind: Option<String>,
    /// Its size; the vendor does not say in which unit.
    pub size: Option<i64>,
    /// When it was installed.
    pub installed_at: Option<Timestamp>,
}

impl SoftwareNoun {
    /// Writes the program's row. Its meaning is its identity, so what the generations of an API tell differently may
    /// move without a version.
    pub(crate) fn write(self, out: &mut Out) {
        out.id("agent_native_id", self.agent_id);
        out.term("product_term", "product", self.product);
        out.term("vendor_term", "vendor", self.vendor);
        out.term("version_term", "version", self.version);
        out.volatile().term("type_term", "software_type", self.kind);
        out.volatile().int("size", self.size);
        out.volatile().time("installed_at", self.installed_at);
    }
}
