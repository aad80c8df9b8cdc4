//! [`partition()`]: from what records say to clusters of records, each a machine.
//!
//! Pure, and blind to the order of its input: rules are followed one after the other, strongest first, and each looks at
//! all pairs at once. Where a rule could be followed in two ways that exclude each other, it is not followed at all.
//!
//! Records of deleted integrations are history. The others are decided about first, as if those had never been; then each
//! of those finds its place beside them, and moves none of them.

use kernel::{IntegrationId, RecordId, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};

use super::fact::{Fact, Key, Kind, names_conflict};
use super::rules::{Asked, Evidence, Rule, are_both_alive, is_same_agent};
use super::score;
use super::sharing::{BLOCK_RECORDS_MAX, MEMORY_SECONDS, Shared, SharedWhy, shared};
use super::veto::{Grounds, Veto};
use crate::noun::Grade;

/// More clusters than this in one chain are nobody's machine: all of it goes to review.
const CHAIN_CLUSTERS_MAX: usize = 200;

/// A shared identifier that at most so many records have is worth a look by a person.
pub(crate) const LOOK_RECORDS_MAX: usize = 6;

/// Open questions about one record that are worth asking.
const QUESTIONS_MAX: usize = 5;

/// What people decided.
#[derive(Clone, Debug, Default)]
pub struct Directives {
    /// Pairs of records that are one machine, in the order of the decisions.
    pub together: Vec<(RecordId, RecordId)>,
    /// Pairs of records that stay one machine since others were split off, in the order of the decisions.
    pub kept: Vec<(RecordId, RecordId)>,
    /// Pairs of records that are two machines, the lower record first.
    pub apart: FxHashSet<(RecordId, RecordId)>,
    /// Records whose asset is to stay as it is, each with that asset.
    pub pinned: FxHashMap<RecordId, i64>,
    /// Console groups whose machines are made anew each day, as numbers of the dictionary.
    pub pools: FxHashSet<i64>,
    /// Integrations that go by computer names.
    pub by_name: FxHashSet<IntegrationId>,
}

/// A link as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// The record that it joined.
    pub partner: RecordId,
    /// By which rule.
    pub rule: Rule,
    /// With which evidence.
    pub evidence: Vec<Evidence>,
}

/// Everything that a decision depends on.
#[derive(Debug)]
pub struct Situation<'a> {
    /// The records.
    pub facts: &'a [Fact],
    /// What people decided.
    pub directives: &'a Directives,
    /// How records were linked before, if they were.
    pub previous: &'a FxHashMap<RecordId, Previous>,
    /// Identifiers of more records than were looked at.
    pub crowded: &'a FxHashSet<Key>,
    /// Identifiers of so many records only if those of deleted integrations are counted too.
    pub once_crowded: &'a FxHashSet<Key>,
    /// The present instant.
    pub now: Timestamp,
}

/// Why a record is in its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The record.
    pub record: RecordId,
    /// The rule; [`Rule::New`] for the first of a cluster.
    pub rule: Rule,
    /// The evidence.
    pub evidence: Vec<Evidence>,
    /// The record that it joined by that evidence; none for the first.
    pub partner: Option<RecordId>,
}

/// A question for a person about two records.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What it is about.
    pub about: About,
    /// The lower record.
    pub one: RecordId,
    /// The higher record.
    pub other: RecordId,
    /// What speaks for one machine, in bits; see [`super::score`].
    pub score: f64,
    /// What both have.
    pub evidence: Vec<Evidence>,
}

/// What a question for a person is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum About {
    /// Are these one machine? Much speaks for it, and no rule decides it.
    Alike,
    /// A rule fits several machines that cannot all be one.
    Ambiguous,
    /// Two live agents claim one identity: a clone.
    Clone,
    /// What people decided contradicts itself.
    Conflict,
}

impl About {
    /// Every sort of question.
    pub const ALL: [About; 4] = [About::Alike, About::Ambiguous, About::Clone, About::Conflict];

    /// The word that is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            About::Alike => "alike",
            About::Ambiguous => "ambiguous",
            About::Clone => "clone",
            About::Conflict => "conflict",
        }
    }

    /// What people have to know of the two beside what they share; empty for most.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            About::Alike => "",
            About::Ambiguous => "What they share fits others just as well.",
            About::Clone => "They have the same ids, as after a disk was cloned.",
            About::Conflict => "People decided that they are, and that they are not.",
        }
    }

    /// The sort behind a stored word.
    #[must_use]
    pub fn from_word(word: &str) -> About {
        About::ALL.into_iter().find(|about| about.as_str() == word).unwrap_or(About::Alike)
    }
}

/// The decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Partition {
    /// The machines, each as its records in the order of their ids; clusters in the order of their first record.
    pub clusters: Vec<Vec<Member>>,
    /// What is left to people, in the order of the records.
    pub questions: Vec<Question>,
    /// Pairs of records on one piece of hardware with two systems, the lower record first.
    pub same_hardware: Vec<(RecordId, RecordId)>,
    /// Identifiers that say nothing, in the order of their keys.
    pub shared: Vec<(Key, Shared)>,
}

/// Decides which records speak of the same machine.
#[must_use]
pub fn partition(situation: &Situation) -> Partition {
    let mut order: Vec<&Fact> = situation.facts.iter().collect();
    order.sort_unstable_by_key(|fact| fact.record);
    order.dedup_by_key(|fact| fact.record);
    Work::new(situation, &order).decide()
}

/// Two records with something in common.
struct Pair {
    one: usize,
    other: usize,
    /// Identifiers that both have and that say something.
    common: Vec<Key>,
}

/// A way from one cluster to another.
struct Edge {
    one: usize,
    other: usize,
    rule: Rule,
    evidence: Vec<Evidence>,
}

/// Who has which identifier.
#[derive(Default)]
struct Index {
    /// Identifiers that say nothing.
    shared: FxHashMap<Key, Shared>,
    /// Records that have an identifier now, by identifier, where several do.
    holders: Vec<(Key, Vec<usize>)>,
}

struct Work<'a> {
    facts: &'a [&'a Fact],
    directives: &'a Directives,
    previous: &'a FxHashMap<RecordId, Previous>,
    crowded: &'a FxHashSet<Key>,
    once_crowded: &'a FxHashSet<Key>,
    now: Timestamp,
    at: FxHashMap<RecordId, usize>,
    /// Among the records that count.
    living: Index,
    /// Among all records, those of deleted integrations included, once these find their places; empty if there are none.
    all: Index,
    /// Whether records of deleted integrations find their places now. Before that they speak against nothing.
    placing: bool,
    /// By record of a deleted integration: the first that counts of the same agent, seen through another integration.
    successors: FxHashMap<usize, usize>,
    /// The cluster of each record, and the records of each cluster.
    cluster: Vec<usize>,
    members: Vec<Vec<usize>>,
    /// The edges that were followed.
    tree: Vec<Edge>,
    questions: FxHashMap<(usize, usize), Question>,
}

impl<'a> Work<'a> {
    fn new(situation: &'a Situation, facts: &'a [&'a Fact]) -> Work<'a> {
        let mut work = Work {
            facts,
            directives: situation.directives,
            previous: situation.previous,
            crowded: situation.crowded,
            once_crowded: situation.once_crowded,
            now: situation.now,
            at: facts.iter().enumerate().map(|(at, fact)| (fact.record, at)).collect(),
            living: Index::default(),
            all: Index::default(),
            placing: false,
            successors: successors(facts),
            cluster: (0..facts.len()).collect(),
            members: (0..facts.len()).map(|at| vec![at]).collect(),
            tree: Vec::new(),
            questions: FxHashMap::default(),
        };
        work.living = work.index(|fact| !fact.ended, |key| work.crowded.contains(&key));
        work
    }

    /// Finds the blocks of these records, and which identifiers say nothing.
    fn index(&self, counts: impl Fn(&Fact) -> bool, crowded: impl Fn(Key) -> bool) -> Index {
        let mut index = Index::default();
        let mut all: Vec<(Key, usize)> = Vec::with_capacity(self.facts.len() * 6);
        for (at, fact) in self.facts.iter().enumerate().filter(|(_, fact)| counts(fact)) {
            all.extend(fact.held.iter().map(|held| (held.key, at)));
        }
        all.sort_unstable();
        for block in all.chunk_by(|one, other| one.0 == other.0) {
            let key = block[0].0;
            if crowded(key) {
                let until = self.now.plus_seconds(MEMORY_SECONDS);
                index.shared.insert(key, Shared { until, why: SharedWhy::Crowd });
                continue;
            }
            if block.len() < 2 {
                continue;
            }
            let holders: Vec<&Fact> = block.iter().map(|(_, at)| self.facts[*at]).collect();
            if let Some(shared) = shared(key, &holders, self.now) {
                index.shared.insert(key, shared);
            }
            let current: Vec<usize> = block.iter().map(|(_, at)| *at).filter(|at| self.facts[*at].has(key)).collect();
            if (2..=BLOCK_RECORDS_MAX).contains(&current.len()) {
                index.holders.push((key, current));
            }
        }
        index
    }

    /// Whether one of the two is of a deleted integration.
    fn is_history(&self, one: usize, other: usize) -> bool {
        self.facts[one].ended || self.facts[other].ended
    }

    /// Identifiers that say nothing of these two.
    fn shared(&self, one: usize, other: usize) -> &FxHashMap<Key, Shared> {
        if self.is_history(one, other) { &self.all.shared } else { &self.living.shared }
    }

    fn grounds(&self, one: usize, other: usize) -> Grounds<'_> {
        let Directives { apart, pinned, .. } = self.directives;
        Grounds { shared: self.shared(one, other), apart, pinned, now: self.now }
    }

    /// What speaks against the two being one machine. Of history it is what people said, until that finds its place.
    fn veto(&self, rule: Rule, one: usize, other: usize) -> Option<Veto> {
        let veto = self.grounds(one, other).veto(rule, self.facts[one], self.facts[other]);
        veto.filter(|veto| self.placing || !self.is_history(one, other) || !Veto::AUTOMATIC.contains(veto))
    }

    fn decide(mut self) -> Partition {
        self.follow_people();
        self.keep();
        let pairs = self.pairs(&self.living, |shared| !shared);
        for rule in Rule::AUTOMATIC {
            self.follow(rule, &pairs);
        }
        let same_hardware = self.same_hardware(&pairs);
        self.ask();
        self.clones();
        let history = self.place();
        self.give_reasons(&pairs, &history);
        self.placing = false;
        let shared = self.living.shared.iter();
        let mut shared: Vec<(Key, Shared)> = shared.map(|(key, shared)| (*key, *shared)).collect();
        shared.sort_unstable_by_key(|(key, _)| *key);
        let (clusters, questions) = (self.clusters(), self.questions());
        Partition { clusters, questions, same_hardware, shared }
    }

    /// Gives records of deleted integrations their places, by the same rules and under all vetoes: beside what is decided, if
    /// there is exactly one way, or else by themselves. None of them joins two machines. Answers the pairs that they are in.
    fn place(&mut self) -> Vec<Pair> {
        if !self.facts.iter().any(|fact| fact.ended) {
            return Vec::new();
        }
        self.placing = true;
        let is_crowd = |key: Key| self.crowded.contains(&key) || self.once_crowded.contains(&key);
        self.all = self.index(|_| true, is_crowd);
        self.keep();
        let mut pairs = self.pairs(&self.all, |shared| !shared);
        pairs.retain(|pair| self.is_history(pair.one, pair.other));
        for rule in Rule::AUTOMATIC {
            self.follow(rule, &pairs);
        }
        pairs
    }

    /// Pairs of records with identifiers in common that are shared, or not.
    fn pairs(&self, index: &Index, wanted: impl Fn(bool) -> bool) -> Vec<Pair> {
        let mut all: Vec<(usize, usize, Key)> = Vec::new();
        for (key, holders) in &index.holders {
            let is_shared = index.shared.contains_key(key);
            if !wanted(is_shared) || (is_shared && holders.len() > LOOK_RECORDS_MAX) {
                continue;
            }
            for (at, one) in holders.iter().enumerate() {
                all.extend(holders[at + 1..].iter().map(|other| (*one, *other, *key)));
            }
        }
        all.sort_unstable();
        let pairs = all.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1));
        let pair = |keys: &[(usize, usize, Key)]| Pair {
            one: keys[0].0,
            other: keys[0].1,
            common: keys.iter().map(|(.., key)| *key).collect(),
        };
        pairs.map(pair).collect()
    }

    /// What people decided: pins first, then what belongs together, unless they also said that it does not.
    fn follow_people(&mut self) {
        let mut first: FxHashMap<i64, usize> = FxHashMap::default();
        let mut edges: Vec<(usize, usize, Rule)> = Vec::new();
        for (at, fact) in self.facts.iter().enumerate() {
            if let Some(asset) = self.directives.pinned.get(&fact.record) {
                match first.get(asset) {
                    Some(with) => edges.push((*with, at, Rule::Pinned)),
                    None => drop(first.insert(*asset, at)),
                }
            }
        }
        for (rule, pairs) in [(Rule::Kept, &self.directives.kept), (Rule::Merged, &self.directives.together)] {
            let known = pairs.iter().filter_map(|(one, other)| Some((*self.at.get(one)?, *self.at.get(other)?)));
            edges.extend(known.map(|(one, other)| (one.min(other), one.max(other), rule)));
        }
        for (one, other, rule) in edges {
            if self.cluster[one] == self.cluster[other] {
                continue;
            }
            if self.are_vetoed(rule, self.cluster[one], self.cluster[other]) {
                self.question(About::Conflict, one, other, Vec::new(), f64::INFINITY);
                continue;
            }
            self.join(Edge { one, other, rule, evidence: Vec::new() });
        }
    }

    /// Links whose evidence has changed since stay, as long as nothing speaks against them: a machine that was renamed, or
    /// got another address, is still the machine that it was.
    fn keep(&mut self) {
        let mut edges = self.stale().into_iter().peekable();
        while let Some(first) = edges.next() {
            let rule = first.rule;
            let mut same = vec![first];
            while let Some(next) = edges.next_if(|edge| edge.rule == rule) {
                same.push(next);
            }
            // What is left of them afterwards has nothing in common that a person could be asked about.
            self.settle(same);
        }
    }

    /// Links whose evidence has changed since and was not found to be shared, strongest rule first.
    fn stale(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (at, fact) in self.facts.iter().enumerate() {
            let Some(previous) = self.previous.get(&fact.record) else { continue };
            let Some(with) = self.at.get(&previous.partner).copied() else { continue };
            // What was linked to an agent is linked to it through whoever tells of it now.
            let stands = |at: usize| self.successors.get(&at).copied().filter(|_| !self.placing).unwrap_or(at);
            let (at, with) = (stands(at), stands(with));
            if !Rule::AUTOMATIC.contains(&previous.rule) || at == with || self.is_history(at, with) && !self.placing {
                continue;
            }
            let (one, other) = (self.facts[at.min(with)], self.facts[at.max(with)]);
            let has = |evidence: &Evidence| match evidence {
                Evidence::Same(key) => one.has(*key) && other.has(*key),
                Evidence::Address(ip) => {
                    let claims = |fact: &Fact| fact.identity.claims.iter().any(|claim| claim.ip == *ip);
                    claims(one) && claims(other)
                }
            };
            let says_nothing = |evidence: &Evidence| match evidence {
                Evidence::Same(key) => self.shared(at, with).contains_key(key),
                Evidence::Address(_) => false,
            };
            if previous.evidence.iter().all(has) || previous.evidence.iter().any(says_nothing) {
                continue;
            }
            let evidence = previous.evidence.clone();
            edges.push(Edge { one: at.min(with), other: at.max(with), rule: previous.rule, evidence });
        }
        edges.sort_by_key(|edge: &Edge| (edge.rule, edge.one, edge.other));
        edges
    }

    /// In clusters that a person forbade to fall apart, finds out what speaks for them: who was merged, then what the rules
    /// say, and only where nothing does, that a person holds them.
    fn give_reasons(&mut self, pairs: &[Pair], history: &[Pair]) {
        let held: FxHashSet<usize> =
            self.tree.iter().filter(|edge| edge.rule.is_hold()).map(|edge| self.cluster[edge.one]).collect();
        if held.is_empty() {
            return;
        }
        let inside =
            |one: usize, other: usize| self.cluster[one] == self.cluster[other] && held.contains(&self.cluster[one]);
        let nobody = FxHashMap::default();
        let may = |rule: Rule, one: usize, other: usize| {
            let grounds = Grounds { pinned: &nobody, ..self.grounds(one, other) };
            inside(one, other) && grounds.veto(rule, self.facts[one], self.facts[other]).is_none()
        };
        let mut reasons: Vec<Edge> = Vec::new();
        for (one, other) in &self.directives.together {
            if let (Some(one), Some(other)) = (self.at.get(one), self.at.get(other)) {
                let (one, other, rule) = (*one.min(other), *one.max(other), Rule::Merged);
                reasons.extend(may(rule, one, other).then_some(Edge { one, other, rule, evidence: Vec::new() }));
            }
        }
        reasons.extend(self.stale().into_iter().filter(|edge| may(edge.rule, edge.one, edge.other)));
        for rule in Rule::AUTOMATIC {
            for pair in pairs.iter().chain(history).filter(|pair| may(rule, pair.one, pair.other)) {
                let (one, other) = (pair.one, pair.other);
                let evidence = self.says(rule, pair).filter(|_| rule != Rule::MacScan || self.was_promoted(one, other));
                reasons.extend(evidence.map(|evidence| Edge { one, other, rule, evidence }));
            }
        }
        let (mut old, tree): (Vec<Edge>, Vec<Edge>) =
            std::mem::take(&mut self.tree).into_iter().partition(|edge| held.contains(&self.cluster[edge.one]));
        old.sort_by_key(|edge| edge.rule.is_hold().then_some(edge.rule));
        reasons.extend(old);
        self.tree = tree;
        let mut root: Vec<usize> = (0..self.facts.len()).collect();
        for edge in reasons {
            let (one, other) = (root_of(&mut root, edge.one), root_of(&mut root, edge.other));
            if one != other {
                root[one.max(other)] = one.min(other);
                self.tree.push(edge);
            }
        }
    }

    /// Follows one rule wherever there is exactly one way.
    fn follow(&mut self, rule: Rule, pairs: &[Pair]) {
        let mut edges = Vec::new();
        for pair in pairs {
            if self.cluster[pair.one] == self.cluster[pair.other] {
                continue;
            }
            if let Some(evidence) = self.evidence(rule, pair) {
                edges.push(Edge { one: pair.one, other: pair.other, rule, evidence });
            }
        }
        for edge in self.settle(edges) {
            let score = score::of(self.facts[edge.one], self.facts[edge.other], &self.living.shared, self.now);
            self.question(About::Ambiguous, edge.one, edge.other, edge.evidence, score);
        }
    }

    /// The evidence by which a rule takes a pair for one machine.
    fn evidence(&self, rule: Rule, pair: &Pair) -> Option<Vec<Evidence>> {
        let evidence = self.says(rule, pair)?;
        let fits = rule != Rule::MacScan || self.is_promotion(self.cluster[pair.one], self.cluster[pair.other]);
        fits.then_some(evidence)
    }

    /// What a rule says of a pair, whatever clusters the two are in.
    fn says(&self, rule: Rule, pair: &Pair) -> Option<Vec<Evidence>> {
        let (one, other) = (self.facts[pair.one], self.facts[pair.other]);
        let asked = Asked {
            one,
            other,
            common: &pair.common,
            now: self.now,
            pooled: one.identity.group == other.identity.group && self.is_pooled(one),
            by_name: [one, other].iter().any(|fact| self.directives.by_name.contains(&fact.integration)),
        };
        rule.evidence(&asked)
    }

    /// Whether one of the two was only seen on the network, and their names do not contradict each other.
    fn was_promoted(&self, one: usize, other: usize) -> bool {
        let (one, other) = (self.facts[one], self.facts[other]);
        let seen_only = |fact: &Fact| matches!(fact.grade, Grade::Scan | Grade::Discovery);
        (seen_only(one) || seen_only(other)) && !names_conflict(&one.identity, &other.identity)
    }

    fn is_pooled(&self, fact: &Fact) -> bool {
        fact.identity.group.as_ref().is_some_and(|group| self.directives.pools.contains(group))
    }

    /// Whether one of the clusters was only seen on the network, and no name contradicts another.
    fn is_promotion(&self, one: usize, other: usize) -> bool {
        let counting = |cluster: usize| {
            self.members[cluster].iter().map(|at| self.facts[*at]).filter(|fact| self.placing || !fact.ended)
        };
        let seen_only =
            |cluster: usize| counting(cluster).all(|fact| matches!(fact.grade, Grade::Scan | Grade::Discovery));
        let conflict =
            counting(one).any(|first| counting(other).any(|second| names_conflict(&first.identity, &second.identity)));
        (seen_only(one) || seen_only(other)) && !conflict
    }

    /// Whether anything in one cluster speaks against anything in the other. Two machines are never one by what is history.
    fn are_vetoed(&self, rule: Rule, one: usize, other: usize) -> bool {
        let decided = |cluster: usize| self.members[cluster].iter().any(|at| !self.facts[*at].ended);
        self.placing && decided(one) && decided(other)
            || self.members[one]
                .iter()
                .any(|first| self.members[other].iter().any(|second| self.veto(rule, *first, *second).is_some()))
    }

    /// Joins clusters along edges, where all that a chain of them would join may be one machine. The rest is left to
    /// people: the answer.
    fn settle(&mut self, edges: Vec<Edge>) -> Vec<Edge> {
        let vetoed = |edge: &Edge| self.are_vetoed(edge.rule, self.cluster[edge.one], self.cluster[edge.other]);
        let edges = edges.into_iter().filter(|edge| !vetoed(edge)).collect();
        let (mut open, mut torn) = (Vec::new(), Vec::new());
        for chain in self.chains(edges) {
            if self.fits(&chain) {
                open.extend(chain);
                continue;
            }
            // What could go two ways goes neither, and what hangs on it is looked at without it.
            let torn_clusters = self.torn(&chain);
            let is_torn = |at: usize| torn_clusters.contains(&self.cluster[at]);
            let (left, rest) = chain.into_iter().partition(|edge| is_torn(edge.one) || is_torn(edge.other));
            torn.extend::<Vec<Edge>>(left);
            for chain in self.chains(rest) {
                if self.fits(&chain) { open.extend(chain) } else { torn.extend(chain) }
            }
        }
        for edge in open {
            self.join(edge);
        }
        torn
    }

    /// Whether all that a chain joins may be one machine.
    fn fits(&self, chain: &[Edge]) -> bool {
        let mut clusters: Vec<usize> =
            chain.iter().flat_map(|edge| [self.cluster[edge.one], self.cluster[edge.other]]).collect();
        clusters.sort_unstable();
        clusters.dedup();
        let Some(rule) = chain.first().map(|edge| edge.rule) else { return true };
        let pair_fits = |one: usize| clusters.iter().all(|other| *other <= one || !self.are_vetoed(rule, one, *other));
        clusters.len() == 2 || clusters.len() <= CHAIN_CLUSTERS_MAX && clusters.iter().all(|one| pair_fits(*one))
    }

    /// Clusters of a chain with two neighbours that exclude each other.
    fn torn(&self, chain: &[Edge]) -> FxHashSet<usize> {
        let mut neighbours: FxHashMap<usize, Vec<usize>> = FxHashMap::default();
        for edge in chain {
            let (one, other) = (self.cluster[edge.one], self.cluster[edge.other]);
            neighbours.entry(one).or_default().push(other);
            neighbours.entry(other).or_default().push(one);
        }
        let rule = chain.first().map_or(Rule::ByName, |edge| edge.rule);
        let excludes = |all: &[usize]| {
            let exclude = |one: &usize, other: &usize| one != other && self.are_vetoed(rule, *one, *other);
            all.iter().enumerate().any(|(at, one)| all[at + 1..].iter().any(|other| exclude(one, other)))
        };
        neighbours.into_iter().filter(|(_, all)| excludes(all)).map(|(cluster, _)| cluster).collect()
    }

    /// Edges by connected component, each in the order in which they came.
    fn chains(&self, edges: Vec<Edge>) -> Vec<Vec<Edge>> {
        let mut parent: FxHashMap<usize, usize> = FxHashMap::default();
        fn root(parent: &mut FxHashMap<usize, usize>, of: usize) -> usize {
            let mut at = of;
            while let Some(next) = parent.get(&at).copied().filter(|next| *next != at) {
                at = next;
            }
            parent.insert(of, at);
            at
        }
        for edge in &edges {
            let one = root(&mut parent, self.cluster[edge.one]);
            let other = root(&mut parent, self.cluster[edge.other]);
            parent.insert(one.max(other), one.min(other));
        }
        let mut chains: Vec<(usize, Edge)> =
            edges.into_iter().map(|edge| (root(&mut parent, self.cluster[edge.one]), edge)).collect();
        chains.sort_by_key(|(root, _)| *root);
        let mut out: Vec<Vec<Edge>> = Vec::new();
        let mut last = None;
        for (root, edge) in chains {
            if last != Some(root) {
                out.push(Vec::new());
                last = Some(root);
            }
            out.last_mut().expect("one was pushed just now").push(edge);
        }
        out
    }

    fn join(&mut self, edge: Edge) {
        let (one, other) = (self.cluster[edge.one], self.cluster[edge.other]);
        if one == other {
            return;
        }
        let (into, from) = (one.min(other), one.max(other));
        let moved = std::mem::take(&mut self.members[from]);
        for at in &moved {
            self.cluster[*at] = into;
        }
        self.members[into].extend(moved);
        self.tree.push(edge);
    }

    /// Pairs that only the difference of their systems keeps apart, though the hardware is the same.
    fn same_hardware(&self, pairs: &[Pair]) -> Vec<(RecordId, RecordId)> {
        let is_one = |pair: &&Pair| {
            let (one, other) = (self.facts[pair.one], self.facts[pair.other]);
            let together = Rule::AUTOMATIC.into_iter().filter(|rule| rule.is_hardware());
            self.cluster[pair.one] != self.cluster[pair.other]
                && self.veto(Rule::Serial, pair.one, pair.other) == Some(Veto::Family)
                && !(one.life.active && other.life.active)
                && together.into_iter().any(|rule| self.evidence(rule, pair).is_some())
        };
        let found = pairs.iter().filter(is_one);
        found.map(|pair| (self.facts[pair.one].record, self.facts[pair.other].record)).collect()
    }

    /// Questions about pairs that no rule joined, though much speaks for it.
    fn ask(&mut self) {
        let pairs = self.pairs(&self.living, |_| true);
        let mut asked: Vec<Question> = Vec::new();
        for pair in &pairs {
            let (one, other) = (self.facts[pair.one], self.facts[pair.other]);
            let clusters = (self.cluster[pair.one], self.cluster[pair.other]);
            if clusters.0 == clusters.1 || self.is_forbidden(clusters.0, clusters.1) {
                continue;
            }
            let score = score::of(one, other, &self.living.shared, self.now);
            // A rule would have fitted, had the identifier been one machine's alone.
            let nearly = |rule: &Rule| {
                let fits = self.evidence(*rule, pair).is_some();
                fits && !matches!(rule, Rule::ByName | Rule::Pool)
            };
            let is_shared = pair.common.iter().any(|key| self.living.shared.contains_key(key));
            let open = one.grade != Grade::Agent || other.grade != Grade::Agent;
            let about = match () {
                () if is_shared && open && Rule::AUTOMATIC.iter().any(nearly) => About::Ambiguous,
                () if score >= score::ENOUGH => About::Alike,
                () => continue,
            };
            let evidence = pair.common.iter().copied().map(Evidence::Same).collect();
            let (one, other) = (one.record, other.record);
            asked.push(Question { about, one, other, score, evidence });
        }
        asked.sort_by(by_score);
        let mut known: FxHashSet<(usize, usize)> = FxHashSet::default();
        for (one, other) in self.questions.keys() {
            known.insert(self.between(*one, *other));
        }
        for question in asked {
            let (one, other) = (self.at[&question.one], self.at[&question.other]);
            // One question for two machines.
            if known.insert(self.between(one, other)) {
                self.question(question.about, one, other, question.evidence, question.score);
            }
        }
    }

    fn between(&self, one: usize, other: usize) -> (usize, usize) {
        let (one, other) = (self.cluster[one], self.cluster[other]);
        (one.min(other), one.max(other))
    }

    /// Whether a person need not be asked: the two are two machines for sure, or a person said so.
    fn is_forbidden(&self, one: usize, other: usize) -> bool {
        self.members[one].iter().any(|first| {
            self.members[other].iter().any(|second| {
                let veto = self.veto(Rule::Serial, *first, *second);
                veto.is_some_and(|veto| veto != Veto::Site)
            })
        })
    }

    /// Agents that were alive at the same time with one uuid, or with one serial number and hardware address.
    fn clones(&mut self) {
        let mut found: Vec<(usize, usize, Key)> = Vec::new();
        for (key, holders) in &self.living.holders {
            if !matches!(key.kind(), Kind::Uuid | Kind::Serial) {
                continue;
            }
            // One question for each copy, not for each pair of copies.
            let mut originals: Vec<usize> = Vec::new();
            for at in holders {
                let copy_of = originals.iter().find(|of| self.is_clone(**of, *at, *key));
                match copy_of {
                    Some(of) => found.push((*of, *at, *key)),
                    None => originals.push(*at),
                }
            }
        }
        for (one, other, key) in found {
            let pair = (self.facts[one].record, self.facts[other].record);
            if !self.directives.apart.contains(&pair) {
                self.question(About::Clone, one, other, vec![Evidence::Same(key)], f64::INFINITY);
            }
        }
    }

    fn is_clone(&self, at: usize, with: usize, key: Key) -> bool {
        let (one, other) = (self.facts[at], self.facts[with]);
        let same = key.kind() != Kind::Serial || super::fact::same_serial(&one.identity, &other.identity);
        same && are_both_alive(one, other, self.now) && self.veto(Rule::Serial, at, with) == Some(Veto::BothAlive)
    }

    /// Leaves a question to people; nobody has to answer one about history.
    fn question(&mut self, about: About, one: usize, other: usize, evidence: Vec<Evidence>, score: f64) {
        if self.is_history(one, other) {
            return;
        }
        let (one, other) = (one.min(other), one.max(other));
        let (first, second) = (self.facts[one].record, self.facts[other].record);
        let question = Question { about, one: first, other: second, score, evidence };
        let known = self.questions.entry((one, other)).or_insert_with(|| question.clone());
        if question.about > known.about {
            *known = question;
        }
    }

    /// Clusters as trees: each record joined the one before it on the way to the first.
    fn clusters(&self) -> Vec<Vec<Member>> {
        let mut ways: FxHashMap<usize, Vec<(usize, usize)>> = FxHashMap::default();
        for (number, edge) in self.tree.iter().enumerate() {
            ways.entry(edge.one).or_default().push((edge.other, number));
            ways.entry(edge.other).or_default().push((edge.one, number));
        }
        let mut clusters = Vec::new();
        for members in self.members.iter().filter(|members| !members.is_empty()) {
            let first = members.iter().copied().min().unwrap_or_default();
            let mut tree =
                vec![Member { record: self.facts[first].record, rule: Rule::New, evidence: Vec::new(), partner: None }];
            let mut walk = vec![(first, usize::MAX)];
            while let Some((at, from)) = walk.pop() {
                for (next, number) in ways.get(&at).into_iter().flatten() {
                    if *next == from {
                        continue;
                    }
                    let edge = &self.tree[*number];
                    tree.push(Member {
                        record: self.facts[*next].record,
                        rule: edge.rule,
                        evidence: edge.evidence.clone(),
                        partner: Some(self.facts[at].record),
                    });
                    walk.push((*next, at));
                }
            }
            tree.sort_unstable_by_key(|member| member.record);
            clusters.push(tree);
        }
        clusters.sort_unstable_by_key(|cluster| cluster[0].record);
        clusters
    }

    /// What is left to ask: few questions about one record, the most telling first.
    fn questions(&mut self) -> Vec<Question> {
        let mut all: Vec<Question> = std::mem::take(&mut self.questions).into_values().collect();
        // What a stronger rule left open, a weaker one may have decided.
        all.retain(|question| {
            let (one, other) = (self.cluster[self.at[&question.one]], self.cluster[self.at[&question.other]]);
            let decided = matches!(question.about, About::Alike | About::Ambiguous) && self.is_forbidden(one, other);
            one != other && !decided
        });
        all.sort_by(by_score);
        let mut times: FxHashMap<RecordId, usize> = FxHashMap::default();
        all.retain(|question| {
            let ends = [question.one, question.other];
            let often = ends.iter().any(|record| times.get(record).copied().unwrap_or_default() >= QUESTIONS_MAX);
            if !often {
                ends.iter().for_each(|record| *times.entry(*record).or_default() += 1);
            }
            !often || matches!(question.about, About::Clone | About::Conflict)
        });
        all.sort_by_key(|question| (question.one, question.other, question.about));
        all
    }
}

/// Of records of deleted integrations, the first that counts of the same agent.
fn successors(facts: &[&Fact]) -> FxHashMap<usize, usize> {
    let ended = || facts.iter().enumerate().filter(|(_, fact)| fact.ended && fact.identity.agent.is_some());
    let mut living: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
    if ended().next().is_none() {
        return FxHashMap::default();
    }
    for (at, fact) in facts.iter().enumerate().filter(|(_, fact)| !fact.ended) {
        if let Some(agent) = fact.identity.agent.as_deref() {
            living.entry(agent).or_default().push(at);
        }
    }
    let successor = |(at, fact): (usize, &&Fact)| {
        let of_agent = living.get(fact.identity.agent.as_deref()?)?;
        Some((at, of_agent.iter().copied().find(|living| is_same_agent(fact, facts[*living]))?))
    };
    ended().filter_map(successor).collect()
}

/// The first of those that are joined with one, and the way there shortened.
fn root_of(root: &mut [usize], of: usize) -> usize {
    let mut at = of;
    while root[at] != at {
        root[at] = root[root[at]];
        at = root[at];
    }
    at
}

fn by_score(one: &Question, other: &Question) -> std::cmp::Ordering {
    other.score.total_cmp(&one.score).then((one.one, one.other).cmp(&(other.one, other.other)))
}
