//! A question part by part.

use kernel::Timestamp;
use muster_query::{Asking, Asks, Clause, prepare};

use crate::catalogue::{Data, catalogue};

fn shown(clauses: &[Clause], indent: usize, out: &mut String) {
    for clause in clauses {
        let asks: Vec<String> = (clause.asks.iter())
            .map(|asks| match asks {
                Asks::Field(name) => (*name).to_owned(),
                Asks::Raw(name) => name.clone(),
                Asks::Elements { scope, inventory, each } => format!("{scope} ({inventory}, {})", each.len()),
            })
            .collect();
        let pad = " ".repeat(indent + clause.depth * 2);
        out.push_str(&format!("{pad}{:?} {} <- {}\n", clause.joint, clause.text, asks.join(", ")));
        for asks in &clause.asks {
            if let Asks::Elements { each, .. } = asks {
                shown(each, indent + 4, out);
            }
        }
    }
}

fn outline(text: &str) -> String {
    let catalogue = catalogue();
    let now = Timestamp::parse("2026-11-21T12:00:00Z").unwrap();
    let asking = Asking { catalogue: &catalogue, inventory: "assets", now, as_of: None, known: &Data };
    let checked = prepare(text, &asking).unwrap_or_else(|refused| panic!("{}", refused.render()));
    let mut out = String::new();
    shown(&checked.outline(), 0, &mut out);
    out
}

#[test]
fn every_part_says_what_it_looks_at() {
    let text = "os:windows and not type:server and not (alive:t or lt-04) and software:(product:chrome version:<130) \
                and software:firefox and @sentinelone.dev.isActive:t";
    assert_eq!(
        outline(text),
        "All os:windows and not type:server and not (active:t or lt-04) and software:(product:chrome and version:<130) \
         and software:firefox and @sentinelone.dev.isActive:t <- \n  \
         Term os:windows <- os\n  \
         Term not type:server <- type\n  \
         Not not (active:t or lt-04) <- \n    \
         Any active:t or lt-04 <- \n      \
         Term active:t <- active\n      \
         Term lt-04 <- name, id\n  \
         Term software:(product:chrome and version:<130) <- software (software, 3)\n    \
         All product:chrome and version:<130 <- \n      \
         Term product:chrome <- product\n      \
         Term version:<130 <- version\n  \
         Term software:firefox <- software (software, 1)\n    \
         Term software:firefox <- product\n  \
         Term @sentinelone.dev.isActive:t <- @sentinelone.dev.isActive\n"
    );
    assert_eq!(outline(""), "");
    assert_eq!(outline("count(software):>3"), "Term count(software):>3 <- software (software, 0)\n");
}
