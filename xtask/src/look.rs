//! `cargo xtask look`: the gallery, drawn by a real browser, for people to look at.
//!
//! Pages are written to target/look and may be opened as they are; pictures stand beside them: `overview.png`,
//! `overview.dark.png`, `overview.narrow.png`.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::install;

/// What Chromium is called, in the order of trust.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// Width and height of a picture of a desk, in pixels.
const WIDE: (u32, u32) = (1440, 1600);
/// Width of a phone, and how much of a long page is drawn.
const NARROW: (u32, u32) = (390, 2600);
/// Chromium opens no window narrower than this; a phone's page stands in a frame within.
const WINDOW_MIN: u32 = 500;

/// Writes the pages, finds or installs Chromium, and draws each page in light, in dark and narrow.
pub fn run(root: &Path, filter: Option<&str>) -> anyhow::Result<()> {
    let folder = root.join("target/look");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["run", "--quiet", "--package", "muster-ui", "--example", "gallery", "--"])
        .arg(&folder)
        .current_dir(root);
    if !cargo.status().context("starting cargo")?.success() {
        bail!("the gallery could not be written: see above");
    }
    let browser = install::program(&NAMES, "Chromium", "chromium")?;
    let mut pictures = 0;
    for page in pages(&folder)? {
        if filter.is_some_and(|filter| !page.contains(filter)) {
            continue;
        }
        draw(&browser, &folder, &page, WIDE)?;
        draw(&browser, &folder, &format!("{page}.dark"), WIDE)?;
        let frame = format!("{page}.narrow");
        let (width, height) = NARROW;
        let text = format!(
            "<!DOCTYPE html><title>{page}</title><body style=\"margin:0;background:#888\"><iframe src=\"{page}.html\" \
             width=\"{width}\" height=\"{height}\" style=\"border:0\"></iframe>"
        );
        std::fs::write(folder.join(format!("{frame}.html")), text).context("writing the frame of a narrow page")?;
        draw(&browser, &folder, &frame, (WINDOW_MIN, height))?;
        pictures += 3;
    }
    if pictures == 0 {
        bail!("no page is named so: see {}", folder.display());
    }
    println!("{pictures} pictures in {}", folder.display());
    Ok(())
}

/// The names of the pages in light, which the others are made from.
fn pages(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(page) = name.strip_suffix(".html").filter(|page| !page.contains('.')) {
            pages.push(page.to_owned());
        }
    }
    pages.sort();
    Ok(pages)
}

fn draw(browser: &Path, folder: &Path, page: &str, (width, height): (u32, u32)) -> anyhow::Result<()> {
    let picture = folder.join(format!("{page}.png"));
    // What the system prefers, which pages without a person's choice follow: 0 is dark, 1 is light.
    let prefers = u8::from(!page.ends_with(".dark"));
    let page = folder.join(format!("{page}.html"));
    let status = Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", "--force-device-scale-factor=1"])
        .arg(format!("--blink-settings=preferredColorScheme={prefers}"))
        .arg(format!("--window-size={width},{height}"))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", page.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("starting {}", browser.display()))?;
    if !status.success() || !picture.exists() {
        bail!("{} drew no picture of {}", browser.display(), page.display());
    }
    Ok(())
}
