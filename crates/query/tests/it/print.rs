//! Printing a tree and parsing it gives the same tree.

use muster_query::tree::{Name, Node, NodeKind, Op, Operand, Verb};
use muster_query::{Severity, Span, Tree, parse};
use proptest::prelude::*;

fn node(kind: NodeKind) -> Node {
    Node { span: Span::default(), kind }
}

fn name() -> impl Strategy<Value = Name> {
    let text = prop_oneof![
        "[a-z_][a-z0-9_.-]{0,12}",
        "@[a-z]{1,8}\\.[a-z]{1,5}\\.[a-zA-Z.]{1,10}",
        "[a-z0-9 é(<:,'-]{1,8}",
        Just("and".to_owned()),
    ];
    let taken = ["has", "no", "is", "all", "seen_by", "count"];
    text.prop_filter("a verb is no field", move |text| !taken.contains(&text.as_str()) && !text.trim().is_empty())
        .prop_map(|text| Name { text, span: Span::default() })
}

fn op() -> impl Strategy<Value = Op> {
    use Op::{Contains, Equal, Exact, Greater, GreaterEqual, Less, LessEqual, NotEqual};
    prop::sample::select(vec![Contains, Equal, Exact, NotEqual, Greater, GreaterEqual, Less, LessEqual])
}

/// Texts in the form that the parser leaves them in: a backslash only before a sign that it disarms.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-zA-Z0-9 ._:/@,()'\"=<>!~*%?+é-]",
        1 => prop::sample::select(vec!["\\\\", "\\%", "\\*", "\\_", "\\?"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["and", "or", "not", "in", "..", "/", "”", "[", "`"]).prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

fn operand() -> impl Strategy<Value = Operand> {
    let plain = (op(), text()).prop_map(|(op, text)| Operand { op, text, inside: false, span: Span::default() });
    let inside = ("[a-z0-9 ./]{0,6}", prop::sample::select(vec![Op::Less, Op::GreaterEqual]))
        .prop_map(|(text, op)| Operand { op, text: text.trim_start().to_owned(), inside: true, span: Span::default() });
    let regex = "([a-z.*+ /\"()]|\\\\d|\\\\\\.|\\\\\\\\){0,8}".prop_map(|text| Operand {
        op: Op::Regex,
        text,
        inside: false,
        span: Span::default(),
    });
    prop_oneof![6 => plain, 1 => inside, 1 => regex]
}

fn word() -> impl Strategy<Value = Operand> {
    text().prop_map(|text| Operand { op: Op::Contains, text, inside: false, span: Span::default() })
}

fn leaf() -> impl Strategy<Value = Node> {
    let term = (name(), prop::collection::vec(operand(), 1..4), any::<bool>())
        .prop_map(|(name, operands, all)| NodeKind::Term { name, operands, all });
    let count = (name(), operand()).prop_map(|(name, operand)| NodeKind::Count { name, operand });
    let verb = prop::sample::select(vec![Verb::Has, Verb::No, Verb::Is]);
    let presence = (verb, name()).prop_map(|(verb, name)| NodeKind::Presence { verb, name });
    let seen_by = (name(), prop::option::of(operand())).prop_map(|(source, age)| NodeKind::SeenBy { source, age });
    prop_oneof![5 => term, 1 => count, 1 => presence, 1 => seen_by, 2 => word().prop_map(NodeKind::Bare)].prop_map(node)
}

fn flat(parts: Vec<Node>, and: bool) -> NodeKind {
    let mut all = Vec::new();
    for part in parts {
        match (and, part.kind) {
            (true, NodeKind::And(inner)) | (false, NodeKind::Or(inner)) => all.extend(inner),
            (_, kind) => all.push(node(kind)),
        }
    }
    if and { NodeKind::And(all) } else { NodeKind::Or(all) }
}

fn scope((name, body): (Name, Node)) -> NodeKind {
    match body.kind {
        NodeKind::Bare(operand) => NodeKind::Term { name, operands: vec![operand], all: false },
        NodeKind::Or(parts) if parts.iter().all(|part| matches!(part.kind, NodeKind::Bare(_))) => NodeKind::Term {
            name,
            operands: parts
                .into_iter()
                .map(|part| match part.kind {
                    NodeKind::Bare(operand) => operand,
                    _ => unreachable!("checked above"),
                })
                .collect(),
            all: false,
        },
        kind => NodeKind::Scope { name, body: Box::new(node(kind)) },
    }
}

fn tree() -> impl Strategy<Value = Node> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        let parts = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            parts().prop_map(|parts| flat(parts, true)),
            parts().prop_map(|parts| flat(parts, false)),
            inner.clone().prop_map(|part| NodeKind::Not(Box::new(part))),
            (name(), inner.clone()).prop_map(scope),
        ]
        .prop_map(node)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_tree_parses_to_itself(root in tree()) {
        let tree = Tree { root: Some(root) };
        let text = tree.to_string();
        let (again, problems) = parse(&text);
        prop_assert!(problems.is_empty(), "{text}\n{problems:?}");
        prop_assert_eq!(again.without_spans(), tree, "{}", text);
    }

    #[test]
    fn any_text_is_answered_and_what_is_understood_prints_to_itself(text in "([a-z]{1,3}|[ ():=<>!~\"'\\\\/,*%_?.-]|and |or |not |in |\\PC){0,24}") {
        let (tree, problems) = parse(&text);
        for problem in &problems {
            prop_assert!(text.get(problem.span.start..problem.span.end).is_some(), "{problem:?}");
        }
        if problems.iter().all(|problem| problem.severity != Severity::Error) {
            let canonical = tree.to_string();
            let (again, problems) = parse(&canonical);
            prop_assert!(problems.is_empty(), "{text}\n{canonical}\n{problems:?}");
            prop_assert_eq!(again.without_spans(), tree.without_spans(), "{}\n{}", text, canonical);
        }
    }
}
