#![doc = include_str!("../README.md")]

pub mod assets;
pub mod card;
pub mod chart;
pub mod form;
pub mod href;
pub mod icon;
pub mod measure;
pub mod message;
pub mod page;
pub mod query;
pub mod record;
pub mod state;
pub mod table;
pub mod words;

pub use assets::{Asset, assets};
pub use card::{
    Card, Consent, Fold, IntegrationCard, Looked, Tab, Task, consents, facts, looked, section, section_of, stepper,
    strip, tabs, tiles, todo,
};
pub use chart::{Bars, Histogram, Line, Mark, Multiples, Slot, spark};
pub use form::{
    Button, Choice, Csrf, Field, Kind, Sealing, Weight, barred, beside, button, copy_button, errors, item, link_button,
    menu, needing, panel, panel_button, post, post_button, post_folded,
};
pub use href::href;
pub use icon::{Icon, icon, labelled, mark};
pub use maud::{DOCTYPE, Markup, PreEscaped, html};
pub use measure::{Fill, Part, Progress, Tally, Tile, following, following_words};
pub use message::{Dialog, Empty, Flash, loading};
pub use page::{Density, Layout, Nav, Org, Page, Person, Place, Shell, Theme, plain};
pub use query::{Answer, Completion, Mistake, QueryBox, QueryError, Term, completions, find, reading};
pub use record::{Event, Joined, Node, thread, timeline, tree};
pub use state::{Light, Severity, Source, Tone, badge, badge_link, light, sources, tag, tags};
pub use table::{Cell, Column, Foot, Row, Select, Sort, Table};
pub use words::{absent, clock, count, date, duration, moment, mono, name, near, noun, share};
