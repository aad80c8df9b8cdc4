//! What a page loads: the stylesheet, the two scripts and the mark, each at an address that changes with its content.

use std::io::Write as _;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// Hex digits of the hash in an address: 48 bits tell versions of one file apart.
const HASH_DIGITS: usize = 12;

/// A file that pages load.
#[derive(Debug)]
pub struct Asset {
    /// Where it is served: `/assets/muster.3f2a9c01b7de.css`. It may be cached for ever, since the content is in the name.
    pub path: String,
    /// Its media type, with the character set.
    pub content_type: &'static str,
    /// The content.
    pub bytes: &'static [u8],
    /// The content, gzipped once.
    pub gzip: Vec<u8>,
}

/// Places of the files in [`assets`].
pub(crate) const STYLE: usize = 0;
pub(crate) const HTMX: usize = 1;
pub(crate) const SCRIPT: usize = 2;
pub(crate) const MARK: usize = 3;

static ASSETS: LazyLock<[Asset; 4]> = LazyLock::new(|| {
    [
        asset("muster", "css", "text/css; charset=utf-8", include_bytes!("../assets/muster.css")),
        asset("htmx", "js", "text/javascript; charset=utf-8", include_bytes!("../assets/htmx.min.js")),
        asset("muster", "js", "text/javascript; charset=utf-8", include_bytes!("../assets/muster.js")),
        asset("mark", "svg", "image/svg+xml", crate::icon::MARK_FILE.as_bytes()),
    ]
});

/// Every file that pages load, hashed and gzipped at first use.
#[must_use]
pub fn assets() -> &'static [Asset] {
    ASSETS.as_slice()
}

fn asset(name: &str, extension: &str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    use std::fmt::Write as _;
    let mut hash = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(hash, "{byte:02x}").expect("a string takes everything");
    }
    hash.truncate(HASH_DIGITS);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).expect("memory takes everything");
    let gzip = gzip.finish().expect("memory takes everything");
    Asset { path: format!("/assets/{name}.{hash}.{extension}"), content_type, bytes, gzip }
}

/// Where the file at that place of [`assets`] is served.
pub(crate) fn path(place: usize) -> &'static str {
    assets().get(place).map_or("/assets/", |asset| asset.path.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_name_their_files() {
        let ends = [(STYLE, ".css"), (HTMX, ".js"), (SCRIPT, ".js"), (MARK, ".svg")];
        for (place, end) in ends {
            assert!(path(place).ends_with(end), "{}", path(place));
        }
        assert!(path(HTMX).starts_with("/assets/htmx."));
    }

    #[test]
    fn all_files_together_leave_most_of_a_pages_weight_to_its_rows() {
        let total: usize = assets().iter().map(|asset| asset.gzip.len()).sum();
        assert!(total < 40_000, "{total} bytes gzipped");
        let script = assets()[SCRIPT].bytes.len();
        assert!(script < 16_000, "our own script is {script} bytes");
    }
}
