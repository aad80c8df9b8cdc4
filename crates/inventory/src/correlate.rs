//! Which records speak of the same machine.
//!
//! Records never change hands by themselves: correlation writes links, `record -> asset`, each with the rule that made it
//! and the evidence, and an asset is what its linked records say together. So a merge and a split are exact, explain
//! themselves, and can be undone.
//!
//! The decision is [`partition()`], a pure function of what the records say ([`Fact`]), what people decided
//! ([`Directives`]), and what was linked before. The order in which records arrived plays no part in it.
//!
//! - **Hygiene** ([`hygiene`]): values that many machines share by nature say nothing. Values that turn out to be shared
//!   (two live records of one source have them) say nothing either, until they were unique for 30 days.
//! - **Directives**: what a person decided holds, whatever the records say.
//! - **Vetoes** ([`veto`]): two machines that cannot be one are never one, not even by way of a third.
//! - **Rules** ([`rules`]): strongest first, and only where there is exactly one way to follow them.
//! - **Review**: what the rules leave open, with a score and its evidence. It never merges by itself.

pub mod decisions;
pub mod deeds;
pub mod directive;
pub mod explain;
pub mod fact;
pub mod hygiene;
pub mod identify;
pub mod partition;
pub mod remainder;
pub mod review;
pub mod rules;
pub mod score;
pub mod settle;
pub mod sharing;
pub mod veto;

pub use fact::{Fact, Held, Identity, Key, Kind, Life};
pub use partition::{Directives, Partition, Situation, partition};
pub use rules::Rule;
pub use veto::Veto;
