//! Writes every part and the sample pages into a folder, with their files: `cargo run -p muster-ui --example gallery DIR`.
//! `cargo xtask look` draws them.

mod samples;

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "target/look".to_owned());
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder.join("assets"))?;
    for asset in ui::assets() {
        std::fs::write(folder.join(asset.path.trim_start_matches('/')), asset.bytes)?;
    }
    for (name, page) in samples::pages(ui::Theme::System) {
        // Files beside each other instead of a server's root.
        std::fs::write(folder.join(format!("{name}.html")), page.0.replace("\"/assets/", "\"assets/"))?;
    }
    for (name, page) in samples::pages(ui::Theme::Dark) {
        std::fs::write(folder.join(format!("{name}.dark.html")), page.0.replace("\"/assets/", "\"assets/"))?;
    }
    Ok(())
}
