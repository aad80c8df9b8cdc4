//! `cargo xtask look`: the gallery, or the service itself, drawn by a real browser, for people to look at.
//!
//! The gallery's pages are written to target/look and may be opened as they are; pictures stand beside them:
//! `overview.png`, `overview.dark.png`, `overview.narrow.png`. The service's pages, over a demonstration's data, are drawn into
//! docs/screens, with a page that shows them.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use browser::{Chromium, OUTSIDE, Place, SIGNED_IN, Tab, View};

use crate::install;
use crate::running::Running;

/// How much of a long page is drawn, in pixels.
const HEIGHT_MAX: u32 = 1100;
/// Endpoints of the demonstration.
const ENDPOINTS: &str = "300";
/// Pictures for the documentation are drawn at this part of their size.
const SCALE: f64 = 0.48;

/// Writes the gallery's pages and draws each in light, in dark and narrow.
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
    let chromium = Chromium::at(&install::chromium()?);
    let tab = chromium.somebody();
    let mut pictures = 0;
    for page in pages(&folder)?.iter().filter(|page| filter.is_none_or(|filter| page.contains(filter))) {
        for view in View::ALL {
            tab.look(view);
            let source = if view == View::Dark { format!("{page}.dark") } else { page.clone() };
            tab.go(&format!("file://{}/{source}.html", folder.display()));
            keep(&folder, &format!("{page}{}.png", ending(view)), &tab.picture(HEIGHT_MAX, 1.0))?;
            pictures += 1;
        }
    }
    if pictures == 0 {
        bail!("no page is named so: see {}", folder.display());
    }
    println!("{pictures} pictures in {}", folder.display());
    Ok(())
}

const fn ending(view: View) -> &'static str {
    match view {
        View::Light => "",
        View::Dark => ".dark",
        View::Narrow => ".narrow",
    }
}

fn keep(folder: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(folder.join(name), bytes).with_context(|| format!("writing {name}"))
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

/// Starts the service over a demonstration's data, draws every page, and writes docs/screens/README.md.
pub fn service(root: &Path, filter: Option<&str>) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    if !cargo.args(["build", "--quiet", "--package", "muster"]).current_dir(root).status()?.success() {
        bail!("the program could not be built: see above");
    }
    let home = root.join("target/look/service");
    if home.exists() {
        std::fs::remove_dir_all(&home).context("removing the data of the last time")?;
    }
    println!("filling a demonstration of {ENDPOINTS} endpoints");
    let demo = muster(root, &home).args(["demo", "--endpoints", ENDPOINTS, "--once"]).stdout(Stdio::null()).output();
    let demo = demo.context("starting the demonstration")?;
    if !demo.status.success() {
        bail!("the demonstration failed: {}", String::from_utf8_lossy(&demo.stderr));
    }
    let (origin, link, _served) = served(root, &home.join("demo"))?;
    let chromium = Chromium::at(&install::chromium()?);
    let ada = chromium.somebody();
    ada.go(&link);
    ada.fill("Your name", "Ada Lindqvist");
    ada.fill("E-mail address", "ada@acme.example");
    ada.fill("Password", "violet-tramway-sings-at-7");
    ada.press("Set up Muster");
    ada.sees("Muster is set up.");
    let folder = root.join("docs/screens");
    std::fs::create_dir_all(&folder).context("making docs/screens")?;
    let stranger = chromium.somebody();
    let mut drawn = 0;
    for (tab, places) in [(&ada, SIGNED_IN), (&stranger, OUTSIDE)] {
        for place in places.iter().filter(|place| filter.is_none_or(|filter| place.name.contains(filter))) {
            draw(tab, place, &origin, &folder)?;
            drawn += View::ALL.len();
        }
    }
    if filter.is_none() {
        std::fs::write(folder.join("README.md"), shown()).context("writing docs/screens/README.md")?;
    }
    println!("{drawn} pictures in {}", folder.display());
    Ok(())
}

fn draw(tab: &Tab, place: &Place, origin: &str, folder: &Path) -> anyhow::Result<()> {
    for view in View::ALL {
        tab.look(view);
        place.go(tab, origin);
        keep(folder, &format!("{}{}.png", place.name, ending(view)), &tab.picture(HEIGHT_MAX, SCALE))?;
    }
    Ok(())
}

/// The page that shows the pictures.
fn shown() -> String {
    let mut text = String::from(
        "# Every page\n\nDrawn by `cargo xtask look --service` over a demonstration of 300 endpoints, with Chromium: 1440 pixels \
         wide, light and dark, and 390 pixels wide as on a phone.\n",
    );
    for place in SIGNED_IN.iter().chain(OUTSIDE) {
        let name = place.name;
        let heading = name.replace('-', " ");
        let _ = write!(
            text,
            "\n## {heading}\n\n| Light | Dark | Narrow |\n|---|---|---|\n\
             | ![{heading}, light]({name}.png) | ![{heading}, dark]({name}.dark.png) | ![{heading}, narrow]({name}.narrow.png) |\n"
        );
    }
    text
}

/// The program that was built, with data of its own.
fn muster(root: &Path, data: &Path) -> Command {
    let mut muster = Command::new(root.join("target/debug/muster"));
    muster.env("MUSTER_DATA_DIR", data).env_remove("MUSTER_DATABASE_URL").stdin(Stdio::null());
    muster
}

/// Starts the service; gives its origin and the link of the first set-up.
fn served(root: &Path, data: &Path) -> anyhow::Result<(String, String, Running)> {
    let mut serve = muster(root, data);
    serve.args(["serve", "--listen", "127.0.0.1:0", "--role", "web"]);
    let mut served = Running(serve.stderr(Stdio::piped()).spawn().context("starting the service")?);
    let said = BufReader::new(served.0.stderr.take().context("the service has an output")?);
    let mut lines = said.lines().map_while(Result::ok);
    let Some(link) = lines.find(|line| line.contains("/set-up?")) else {
        bail!("the service ended, or printed no link to set it up");
    };
    // Whatever it says later is read, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    let link = link.trim().to_owned();
    let origin = link.split("/set-up?").next().unwrap_or_default().to_owned();
    Ok((origin, link, served))
}
