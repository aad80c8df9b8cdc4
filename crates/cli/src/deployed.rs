//! What deploy/ says is what this program takes: its orders are read by the real command line, its variables are known; and
//! the pages of docs/ that it writes are as it would write them.

use std::ffi::OsString;
use std::path::PathBuf;

use yaml_rust2::{Yaml, YamlLoader};

use crate::arguments::{Arguments, Command, Role, Serve};
use crate::config;

fn text(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The order of `muster serve` that these words are.
fn serve<'a>(words: impl IntoIterator<Item = &'a str>) -> Serve {
    let line: Vec<OsString> = std::iter::once("muster").chain(words).map(OsString::from).collect();
    match config::read(line) {
        Ok(Arguments { command: Command::Serve(serve), .. }) => serve,
        Ok(_) => panic!("it is another command"),
        Err(config::Refused::Told(told)) => panic!("{told}"),
        Err(config::Refused::File(failure)) => panic!("{}", failure.lines()),
    }
}

/// Every variable that is set has a place in the page of settings.
fn known(variable: &str) {
    assert!(config::page().contains(&format!("`{variable}`")) || variable == "MUSTER_CONFIG", "{variable}");
}

#[test]
fn the_unit_starts_a_service_that_only_its_own_machine_reaches() {
    let unit = text("deploy/muster.service");
    let lines = || unit.lines().map(|line| line.trim_start_matches('#'));
    let start = lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/muster ")).unwrap();
    let order = serve(start.split_whitespace());
    assert!(order.listen.ip().is_loopback() && order.public_url.unwrap().starts_with("https://"));
    let set: Vec<&str> = lines().filter_map(|line| line.strip_prefix("Environment=")?.split('=').next()).collect();
    assert_eq!(set, ["MUSTER_DATA_DIR", "MUSTER_CONFIG"]);
    set.into_iter().for_each(known);
    let credential = format!("LoadCredential={}:", access::CREDENTIAL_NAME);
    assert!(lines().any(|line| line.starts_with(&credential)), "the key's credential has the name that is looked for");
    for fence in ["DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="] {
        assert!(unit.lines().any(|line| line == fence), "{fence}");
    }
}

/// The services of a compose file, by name.
fn services(file: &str) -> Vec<(String, Yaml)> {
    let document = YamlLoader::load_from_str(&text(file)).unwrap().remove(0);
    let services = document["services"].as_hash().unwrap().clone();
    services.into_iter().map(|(name, of)| (name.as_str().unwrap().to_owned(), of)).collect()
}

/// A value of a service, its own or of what it takes over.
fn of<'a>(service: &'a Yaml, name: &str) -> &'a Yaml {
    if service[name].is_badvalue() { &service["<<"][name] } else { &service[name] }
}

#[test]
fn the_compose_files_start_services_that_the_program_knows() {
    let all =
        [("deploy/compose.yaml", vec![Role::All]), ("deploy/compose.postgres.yaml", vec![Role::Web, Role::Worker])];
    for (file, roles) in all {
        let mut found = Vec::new();
        for (name, service) in services(file) {
            if of(&service, "image").as_str() != Some("muster") {
                continue;
            }
            let words: Vec<&str> = of(&service, "command").as_vec().unwrap().iter().filter_map(Yaml::as_str).collect();
            let order = serve(words);
            // The proxy that shares its network is the only one that reaches it.
            assert!(order.listen.ip().is_loopback(), "{file} {name}");
            found.push(order.role);
            for (variable, _) in of(&service, "environment").as_hash().into_iter().flatten() {
                known(variable.as_str().unwrap());
            }
            assert_eq!(of(&service, "read_only").as_bool(), Some(true), "{file} {name}");
            assert_eq!(of(&service, "cap_drop")[0].as_str(), Some("ALL"), "{file} {name}");
        }
        assert!(found == roles, "{file}");
    }
}

/// The names below a key of a compose file.
fn names(of: &Yaml) -> Vec<&str> {
    of.as_hash().into_iter().flatten().filter_map(|(name, _)| name.as_str()).collect()
}

/// The texts of a list.
fn texts(of: &Yaml) -> Vec<&str> {
    of.as_vec().into_iter().flatten().filter_map(Yaml::as_str).collect()
}

#[test]
fn whatever_a_compose_file_names_is_there() {
    let image = text("deploy/Containerfile");
    let volume = image.lines().find_map(|line| line.strip_prefix("VOLUME ")).unwrap();
    for file in ["deploy/compose.yaml", "deploy/compose.postgres.yaml"] {
        let written = text(file);
        let document = YamlLoader::load_from_str(&written).unwrap().remove(0);
        let (all, volumes) = (services(file), names(&document["volumes"]));
        let is_service = |name: &str| all.iter().any(|(known, _)| known == name);
        for (name, service) in &all {
            let build = of(service, "build");
            if !build.is_badvalue() {
                assert_eq!(build["context"].as_str(), Some(".."), "{file} {name}");
                text(build["dockerfile"].as_str().unwrap());
            }
            for mount in texts(of(service, "volumes")) {
                let (from, to) = mount.split_once(':').unwrap();
                match from.strip_prefix("./") {
                    Some(beside) => drop(text(&format!("deploy/{beside}"))),
                    None => assert!(volumes.contains(&from), "{file} {name}: {from}"),
                }
                assert!(of(service, "image").as_str() != Some("muster") || to == volume, "{file} {name}: {to}");
            }
            for network in texts(of(service, "networks")) {
                assert!(names(&document["networks"]).contains(&network), "{file} {name}: {network}");
            }
            for secret in texts(of(service, "secrets")) {
                let made = document["secrets"][secret]["file"].as_str().unwrap().replacen("./", "deploy/", 1);
                assert!(written.contains(&format!("> {made} ")), "{file}: how {made} is made stands at its beginning");
                let key = of(service, "environment")[access::KEY_FILE_VARIABLE].as_str();
                assert_eq!(key, Some(format!("/run/secrets/{secret}").as_str()), "{file} {name}");
            }
            let beside = of(service, "network_mode").as_str().map(|mode| mode.strip_prefix("service:").unwrap());
            for other in beside.into_iter().chain(names(of(service, "depends_on"))) {
                assert!(is_service(other), "{file} {name}: {other}");
            }
        }
    }
}

#[test]
fn the_image_is_built_of_what_is_there_and_copies_what_was_built() {
    let file = text("deploy/Containerfile").replace("\\\n", " ");
    let said = |what: &str| file.lines().filter_map(move |line| line.strip_prefix(what)).collect::<Vec<_>>();
    let workspace: toml::Table = text("Cargo.toml").parse().unwrap();
    let run = said("RUN ").concat();
    let order = run.split(" && ").next().unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(order, ["cargo", "build", "--locked", "--profile", "dist", "-p", env!("CARGO_PKG_NAME")]);
    assert!(workspace["profile"].get("dist").is_some() && !text("Cargo.lock").is_empty());
    assert!(run.contains("cp target/dist/muster /out/muster") && run.contains("mkdir -p /out/data"), "{run}");
    let copies: Vec<Vec<&str>> = said("COPY ").iter().map(|line| line.split_whitespace().collect()).collect();
    let copied = [
        vec![".", "."],
        vec!["--from=build", "/out/muster", "/usr/local/bin/muster"],
        vec!["--from=build", "--chown=65532:65532", "/out/data", "/var/lib/muster"],
    ];
    assert_eq!(copies, copied);
    // What the build leaves out is not part of the project.
    assert_eq!(text("deploy/Containerfile.dockerignore").lines().collect::<Vec<_>>(), [".git", "target"]);
    // The port is that on which proxies look for it.
    let port = serve(["serve"]).listen.port().to_string();
    assert_eq!(said("EXPOSE "), [port.as_str()]);
    for proxy in ["deploy/Caddyfile", "deploy/nginx.conf"] {
        assert!(text(proxy).contains(&format!("127.0.0.1:{port}")), "{proxy}");
    }
}

#[test]
fn the_image_runs_as_nobody_in_particular_and_keeps_its_data_in_a_volume() {
    let file = text("deploy/Containerfile");
    let said = |what: &str| file.lines().filter_map(move |line| line.strip_prefix(what)).collect::<Vec<_>>();
    assert_eq!(said("USER "), ["65532:65532"]);
    assert_eq!((said("VOLUME "), said("ENV MUSTER_DATA_DIR=")), (vec!["/var/lib/muster"], vec!["/var/lib/muster"]));
    assert_eq!((said("ENTRYPOINT "), said("CMD ")), (vec![r#"["/usr/local/bin/muster"]"#], vec![r#"["serve"]"#]));
    assert!(serve(["serve"]).listen.ip().is_loopback());
}

#[test]
fn the_pages_that_the_program_writes_are_what_it_declares() {
    for (file, page) in [("configuration", config::page()), ("troubleshooting", server::trouble_page())] {
        assert!(text(&format!("docs/{file}.md")) == page, "docs/{file}.md: cargo xtask docs writes it anew");
    }
}
