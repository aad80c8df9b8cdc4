//! `muster query`: asks, prints the answer, and says what it is part of.

use inventory::ask::LIMIT_MAX;
use inventory::{Answer, Ask, AskError, Part, Want, Why};
use kernel::{Cell, OrgId, Table, Timestamp};
use query::{Problem, Severity, Span};
use store::Store;

use clap::CommandFactory as _;

use crate::arguments::{Arguments, Format, Global, Query};
use crate::failure::{Exit, Failure};
use crate::place::{Place, word};
use crate::terminal::{Terminal, counted, duration};

pub async fn run(global: &Global, query: Query, terminal: &Terminal) -> Result<(), Failure> {
    if let Some(failure) = misspelled(&query) {
        return Err(failure);
    }
    let place = Place::new(global)?;
    let as_of = query.as_of.as_deref().map(|text| super::asset_history::instant("--as-of", text, terminal.now()));
    let as_of = as_of.transpose()?;
    let store = place.open_to_read()?;
    let (inventory, text) = asked_for(&store, &query, terminal).await?;
    let format = if query.json { Format::Json } else { query.format };
    if let Some(at) = &query.complete {
        return complete(&store, &inventory, &text, at, format, terminal).await;
    }
    if is_of_artifacts(&inventory) && asks_words(&text) {
        index_first(&place, &store, terminal).await?;
    }
    let mut ask = Ask::new(&inventory, &text, terminal.now());
    ask.fields = query.fields;
    ask.sort = query.sort;
    ask.group_by = query.group_by;
    ask.after = query.after;
    if let Some(limit) = query.limit.filter(|_| format == Format::Table) {
        ask.limit = limit as usize;
    }
    if let Some(row) = query.asset {
        return explain_row(&store, ask, row, format, terminal).await;
    }
    if query.explain {
        return explain(&store, ask, terminal).await;
    }
    if query.count {
        ask.want = Want::Count;
        let answer = asked_at(&store, &ask, as_of, terminal).await?;
        let total = answer.total.ok_or_else(|| Failure::new(Exit::Bug, "the count is missing from its answer"))?;
        return match format {
            Format::Table => terminal.result(&format!("{}\n", terminal.result_number(total))),
            _ => terminal.result(&format!("{total}\n")),
        };
    }
    if format != Format::Table {
        return stream(&store, ask, as_of, (format, query.limit), terminal).await;
    }
    let started = terminal.now();
    let answer = asked_at(&store, &ask, as_of, terminal).await?;
    let took_ms = milliseconds(terminal.now().micros() - started.micros());
    terminal.table(&answer.table)?;
    match as_of {
        Some(at) => foot_of_then(&answer, at, terminal),
        None => foot(&store, &ask, &answer, took_ms, terminal).await,
    }
    Ok(())
}

/// Rows of one page of an answer for programs: as many as cost little memory and few questions.
const PAGE: usize = 5_000;

/// The whole answer for programs, or as many rows as were asked for, page by page, so that memory stays flat. Where the
/// database fails in the middle the command fails, so that nobody takes a part for the whole.
async fn stream(
    store: &Store,
    mut ask: Ask,
    as_of: Option<Timestamp>,
    (format, limit): (Format, Option<u32>),
    terminal: &Terminal,
) -> Result<(), Failure> {
    // Groups come in one page.
    let page = if ask.group_by.is_empty() { PAGE } else { LIMIT_MAX };
    let mut left = limit.map_or(usize::MAX, |limit| limit as usize);
    let (mut shown, mut is_first) = (0, true);
    loop {
        ask.limit = left.min(page);
        let answer = match is_first {
            true => asked_at(store, &ask, as_of, terminal).await?,
            // What there is to note was noted with the first page.
            false => answered(store, &ask, as_of).await?,
        };
        left = left.saturating_sub(answer.table.rows.len());
        let is_last = answer.next.is_none() || left == 0;
        terminal.result(&part(format, &answer.table, (is_first, is_last), shown))?;
        (shown, is_first) = (shown + answer.table.rows.len(), false);
        match answer.next {
            Some(next) if is_last => terminal.note(&format!("{shown} shown; more: --after {next}, or without --limit")),
            Some(next) => {
                ask.after = Some(next);
                continue;
            }
            None => {}
        }
        let groups = answer.groups.filter(|groups| *groups > shown as u64);
        if let Some(groups) = groups {
            terminal.note(&format!("{shown} of {groups} groups shown, the most frequent ones"));
        }
        return Ok(());
    }
}

/// A part of an answer as a program reads it, behind so many rows; the first part opens the whole, and the last closes it.
fn part(format: Format, table: &Table, (is_first, is_last): (bool, bool), before: usize) -> String {
    match format {
        Format::Csv if is_first => reports::csv::csv(table),
        Format::Csv => reports::csv::lines(table),
        Format::Ndjson => reports::json::ndjson(table),
        Format::Json | Format::Table => {
            let open = if is_first { "[" } else { "" };
            let join = match (table.rows.is_empty(), before) {
                (true, _) => "",
                (false, 0) => "\n",
                (false, _) => ",\n",
            };
            let close = match (is_last, before + table.rows.len()) {
                (false, _) => "",
                (true, 0) => "]\n",
                (true, _) => "\n]\n",
            };
            format!("{open}{join}{}{close}", reports::json::elements(table))
        }
    }
}

/// A question may begin with a dash, so a flag that there is not is taken for one.
fn misspelled(order: &Query) -> Option<Failure> {
    let typed = order.text.as_deref()?.strip_prefix("--")?;
    let flag = typed.split_once('=').map_or(typed, |(flag, _)| flag);
    if flag.is_empty() || !flag.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-') {
        return None;
    }
    let all = Arguments::command();
    let flags = |command: &clap::Command| -> Vec<String> {
        command.get_arguments().filter_map(|flag| flag.get_long().map(str::to_owned)).collect()
    };
    let known = [flags(&all), all.find_subcommand("query").map(flags).unwrap_or_default()].concat();
    let near = query::nearest(flag, known.iter().map(String::as_str));
    let help = match near.first() {
        Some(near) => format!("Did you mean --{near}? All of them: muster query --help"),
        None if order.values.is_empty() => return None,
        None => "All of them: muster query --help".to_owned(),
    };
    Some(Failure::usage(format!("there is no flag --{flag}")).with(help))
}

/// The inventory and the question: as typed, or those of a saved question with its parameters filled in.
async fn asked_for(store: &Store, query: &Query, terminal: &Terminal) -> Result<(String, String), Failure> {
    let typed = query.text.clone().unwrap_or_default();
    if let Some(name) = &query.saved {
        let mut values: Vec<String> = query.text.clone().into_iter().collect();
        values.extend_from_slice(&query.values);
        return super::saved::filled(store, name, &values, terminal).await;
    }
    // A name alone; `@sentinelone.dev.x:y` is a question.
    let name = typed.strip_prefix('@').filter(|name| !name.contains([':', '.', ' ']) && query.complete.is_none());
    if let Some(name) = name {
        return super::saved::filled(store, name, &query.values, terminal).await;
    }
    if let Some(value) = query.values.first() {
        return Err(Failure::usage(format!("{value:?} is a value for a saved question, and this is none"))
            .with("Quote a question of several words as a whole, or ask a saved one: muster query @NAME K=V."));
    }
    Ok((query.inventory.clone(), typed))
}

/// What may be typed at a place of a question.
async fn complete(
    store: &Store,
    inventory: &str,
    text: &str,
    at: &str,
    format: Format,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let cursor = match at {
        "end" => text.len(),
        at => at.parse().map_err(|_| Failure::usage(format!("--complete={at} is no number of a byte")))?,
    };
    let (inventory, text) = (inventory.to_owned(), text.to_owned());
    let found = store.read(move |tx| inventory::complete(tx, OrgId::DEFAULT, &inventory, &text, cursor)).await?;
    let cell = |text: &str| Cell::Text(text.to_owned());
    let place = |at: usize| Cell::Int(i64::try_from(at).unwrap_or(i64::MAX));
    let rows = found.iter().map(|found| {
        let span = [place(found.span.start), place(found.span.end)];
        let [from, to] = span;
        vec![cell(&found.insert), from, to, cell(&found.prose), cell(&found.example)]
    });
    let columns = ["insert", "from", "to", "prose", "example"].map(str::to_owned).to_vec();
    let table = Table { columns, rows: rows.collect() };
    match format {
        Format::Table => terminal.table(&table),
        Format::Json => terminal.result(&reports::json::json(&table)),
        Format::Ndjson => terminal.result(&reports::json::ndjson(&table)),
        Format::Csv => terminal.result(&reports::csv::csv(&table)),
    }
}

/// So many artifacts are rather read one by one than added to the full-text index first.
const UNINDEXED_FEW: u64 = 2_000;

/// Brings the full-text index up to date before a question uses it, if it is far behind and nobody else writes.
async fn index_first(place: &Place, store: &Store, terminal: &Terminal) -> Result<(), Failure> {
    let behind = store.read(|tx| signals::unindexed_count(tx, OrgId::DEFAULT)).await?;
    if behind <= UNINDEXED_FEW {
        return Ok(());
    }
    // Whoever writes at present indexes too, or will: the answer is complete either way.
    let Ok(store) = place.open_to_write() else { return Ok(()) };
    terminal.note(&format!("Adding {} artifacts to the full-text index ..", terminal.number(behind)));
    signals::index(&store, &jobs::World::real(), OrgId::DEFAULT).await?;
    Ok(())
}

fn is_of_artifacts(inventory: &str) -> bool {
    inventory::catalogue().inventory(inventory).is_some_and(|inventory| inventory.name == "artifacts")
}

/// Whether a question looks for words.
fn asks_words(text: &str) -> bool {
    use query::tree::{Node, NodeKind};
    fn asks(node: &Node) -> bool {
        match &node.kind {
            NodeKind::And(parts) | NodeKind::Or(parts) => parts.iter().any(asks),
            NodeKind::Not(part) => asks(part),
            NodeKind::Bare(_) => true,
            NodeKind::Term { name, .. } => ["text", "words", "full_text"].contains(&name.text.to_lowercase().as_str()),
            _ => false,
        }
    }
    query::parse(text).0.root.is_some_and(|root| asks(&root))
}

fn milliseconds(micros: i64) -> u64 {
    u64::try_from(micros / 1000).unwrap_or(0)
}

/// Says what a page of the past is part of.
fn foot_of_then(answer: &Answer, at: Timestamp, terminal: &Terminal) {
    let shown = terminal.number(answer.table.rows.len() as u64);
    let more = answer.next.as_ref().map_or(String::new(), |next| format!("; more: --after {next}"));
    terminal.note(&format!("{shown} shown, as of {}{more}", terminal.result_time(at, false)));
}

/// Asks, shows the warnings, and turns a refusal into carets.
pub async fn asked(store: &Store, ask: &Ask, terminal: &Terminal) -> Result<Answer, Failure> {
    asked_at(store, ask, None, terminal).await
}

/// [`asked`], about the present or a moment in the past.
async fn asked_at(store: &Store, ask: &Ask, as_of: Option<Timestamp>, terminal: &Terminal) -> Result<Answer, Failure> {
    match answered(store, ask, as_of).await {
        Ok(answer) => {
            if !answer.warnings.is_empty() {
                let head = heading("note", &answer.warnings, terminal);
                terminal.note(&format!("{head}\n{}", drawn(&ask.text, &answer.warnings, terminal.note_width())));
            }
            Ok(answer)
        }
        Err(AskError::Refused(refused)) => {
            terminal.note(&mistakes(&ask.text, &refused.problems, terminal));
            terminal.note(&format!("See all fields: muster help fields {}", ask.inventory));
            Err(Failure::told(Exit::Usage))
        }
        Err(other) => Err(other.into()),
    }
}

async fn answered(store: &Store, ask: &Ask, as_of: Option<Timestamp>) -> Result<Answer, AskError> {
    match as_of {
        Some(at) => inventory::ask_as_of(store, OrgId::DEFAULT, ask, at).await,
        None => inventory::ask(store, OrgId::DEFAULT, ask).await,
    }
}

/// Why one row is in the answer or not.
async fn explain_row(store: &Store, ask: Ask, row: String, format: Format, terminal: &Terminal) -> Result<(), Failure> {
    let asked = ask.clone();
    let why = match store.read(move |tx| inventory::why(tx, OrgId::DEFAULT, &asked, &row)).await {
        Ok(why) => why,
        Err(AskError::Refused(refused)) => {
            terminal.note(&mistakes(&ask.text, &refused.problems, terminal));
            return Err(Failure::told(Exit::Usage));
        }
        Err(other) => return Err(other.into()),
    };
    if format != Format::Table {
        return terminal.result(&reports::json::ndjson(&parts_table(&why)));
    }
    let name = if why.name.is_empty() { why.id.clone() } else { format!("{} ({})", printable(&why.name), why.id) };
    let is = if why.holds { "is in the answer" } else { "is not in the answer" };
    let mut told = format!("{name} {}.\n", terminal.bold(is));
    if why.parts.is_empty() {
        told.push_str("The question asks for everything.\n");
    }
    tell_parts(&why.parts, 0, &mut told);
    terminal.result(&told)
}

/// Each part with a yes or no before it, and what the row has there below it.
fn tell_parts(parts: &[Part], indent: usize, told: &mut String) {
    for part in parts {
        let pad = " ".repeat(indent + part.depth * 2);
        let yes = if part.holds { "yes" } else { "no " };
        told.push_str(&format!("  {yes}  {pad}{}\n", printable(&part.text)));
        for has in &part.has {
            told.push_str(&format!("       {pad}  {}\n", printable(has)));
        }
        tell_parts(&part.nearest, indent + part.depth * 2 + 4, told);
    }
}

/// The parts of an explanation, one row each, those of a nearest element deeper than their scope.
fn parts_table(why: &Why) -> Table {
    fn rows(parts: &[Part], deeper: usize, found: &mut Vec<Vec<Cell>>) {
        for part in parts {
            let depth = i64::try_from(deeper + part.depth).unwrap_or(i64::MAX);
            let has = part.has.iter().map(|has| Cell::Text(has.clone())).collect();
            found.push(vec![Cell::Int(depth), Cell::Bool(part.holds), Cell::Text(part.text.clone()), Cell::List(has)]);
            rows(&part.nearest, deeper + part.depth + 1, found);
        }
    }
    let whole = Cell::Text(if why.canonical.is_empty() { "(everything)".to_owned() } else { why.canonical.clone() });
    let who = vec![Cell::Text(why.id.clone()), Cell::Text(why.name.clone())];
    let mut found = vec![vec![Cell::Int(0), Cell::Bool(why.holds), whole, Cell::List(who)]];
    rows(&why.parts, 1, &mut found);
    Table { columns: ["depth", "holds", "term", "has"].map(str::to_owned).to_vec(), rows: found }
}

async fn explain(store: &Store, mut ask: Ask, terminal: &Terminal) -> Result<(), Failure> {
    ask.want = Want::Explain;
    let answer = asked(store, &ask, terminal).await?;
    terminal.result(&format!("{}\n", answer.plan.trim_end()))
}

/// What the rows are part of: how many match, of how many, and what each term leaves. It is asked after the rows are
/// shown, so that nobody waits for it; where it cannot be said, the rows stand nevertheless.
async fn foot(store: &Store, ask: &Ask, page: &Answer, took_ms: u64, terminal: &Terminal) {
    let shown = page.table.rows.len() as u64;
    if !ask.group_by.is_empty() {
        let all = page.groups.unwrap_or(shown);
        let groups = counted(all, "group", &terminal.number(all));
        terminal.note(&match all == shown {
            true => format!("{groups}, {}.", duration(took_ms)),
            false => format!(
                "{groups}, {}.   {} shown; more: {}",
                duration(took_ms),
                terminal.number(shown),
                higher(ask.limit)
            ),
        });
        return;
    }
    let more = page.next.as_ref().map(|next| format!("; more: --after {next} or {}", higher(ask.limit)));
    let rest = format!("{} shown{}", terminal.number(shown), more.unwrap_or_default());
    let question = Ask { want: Want::Terms, after: None, ..ask.clone() };
    let counted = inventory::ask(store, OrgId::DEFAULT, &question).await;
    let (total, answer) = match counted {
        Ok(answer) => (answer.total, answer),
        Err(error) => {
            terminal.note(&format!("{rest}. How many match in all is not known: {error}."));
            return;
        }
    };
    let (Some(total), Some(of)) = (total, answer.of) else {
        terminal.note(&format!("{rest}."));
        return;
    };
    let number = |number| terminal.number(number);
    if of == 0 && nothing_was_read(store).await {
        terminal.note("Nothing has been read yet: muster connect saves a console, muster sync reads it.");
        return;
    }
    terminal.note(&format!(
        "{} of {} {}, exact, {}.   {rest}",
        number(total),
        number(of),
        page.inventory,
        duration(took_ms)
    ));
    if answer.terms.len() > 1 {
        let terms: Vec<String> =
            answer.terms.iter().map(|term| format!("{} {}", printable(&term.text), number(term.count))).collect();
        terminal.note(&terms.join(" · "));
    }
    for line in asides(&answer, &ask.text, terminal) {
        terminal.note(&line);
    }
    if total == 0 && !ask.text.trim().is_empty() {
        let within = if page.inventory == "assets" { String::new() } else { format!(" --in {}", page.inventory) };
        let command = format!("muster query {}{within} --explain", word(ask.text.trim()));
        terminal.note(&format!("Nothing matches. How it was read: {command}"));
    }
}

/// What else a reader should know of the machines of an answer: which are gone, and about which a person is asked.
fn asides(answer: &Answer, text: &str, terminal: &Terminal) -> Vec<String> {
    const WITHOUT_GONE: &str = "removed:f";
    let told = |count: Option<u64>, one: &str, many: &str, then: String| {
        let count = count.filter(|count| *count > 0)?;
        Some(format!("{} of them {}: {then}", terminal.number(count), if count == 1 { one } else { many }))
    };
    let narrowed = inventory::ask::narrowed(text, WITHOUT_GONE);
    let leave_out = match narrowed.strip_prefix(text.trim()) {
        Some(added) if !text.trim().is_empty() => format!("add `{}` to leave them out", added.trim()),
        _ => format!("ask `{narrowed}` to leave them out"),
    };
    let gone = told(answer.gone, "is gone from every source", "are gone from every source", leave_out);
    let asked = "muster query 'question:t'; to answer: muster asset review".to_owned();
    let asked = told(answer.in_question, "has an open question", "have an open question", asked);
    gone.into_iter().chain(asked).collect()
}

/// How to see more than that many rows: the next limit that is taken, or a form that has no limit of its own.
fn higher(limit: usize) -> String {
    match limit {
        LIMIT_MAX.. => "--format csv".to_owned(),
        limit => format!("--limit {}", (limit * 4).min(LIMIT_MAX)),
    }
}

/// Whether no stream of any console was ever read to its end: then none is not a count.
async fn nothing_was_read(store: &Store) -> bool {
    let world = jobs::World::real();
    let Ok(known) = sync::integrations(store, &world, OrgId::DEFAULT).await else { return false };
    for integration in &known {
        match sync::standing(store, &world, integration).await {
            Ok(streams) if streams.iter().all(|stream| stream.complete_at.is_none()) => {}
            _ => return false,
        }
    }
    true
}

/// A refused question with carets, and its mistakes in words.
pub fn mistakes(text: &str, problems: &[Problem], terminal: &Terminal) -> String {
    format!("{}\n{}", heading("error", problems, terminal), drawn(text, problems, terminal.note_width()))
}

fn heading(word: &str, problems: &[Problem], terminal: &Terminal) -> String {
    match problems.iter().filter(|problem| problem.severity == Severity::Error).count() {
        _ if word != "error" => format!("{word}:"),
        1 => format!("{}: the query has a mistake", terminal.red(word)),
        many => format!("{}: {many} mistakes in the query", terminal.red(word)),
    }
}

/// The query's text with carets under every place, then the numbered reasons. A text that does not fit in a line is
/// shown in pieces, one around each place.
fn drawn(text: &str, problems: &[Problem], width: usize) -> String {
    let mut out = String::new();
    let shown = printable(text);
    if shown.chars().count() + INDENT.len() <= width {
        let marks: Vec<Span> = problems.iter().map(|problem| problem.span).collect();
        out.push_str(&marked(text, &marks));
    }
    let alone = out.is_empty();
    for (at, problem) in problems.iter().enumerate() {
        if alone {
            out.push_str(&marked_piece(text, problem.span, width));
        }
        let number = if problems.len() > 1 { format!("{}  ", at + 1) } else { String::new() };
        let notice = if problem.severity == Severity::Error { "" } else { "note: " };
        let notice = if problems.iter().all(|other| other.severity != Severity::Error) { "" } else { notice };
        out.push_str(&format!("{INDENT}{number}{notice}{}{}\n", printable(&problem.message), nearest(problem)));
    }
    out.truncate(out.trim_end().len());
    out
}

const INDENT: &str = "  ";

/// Characters of text that are shown on each side of a place in a long query.
const AROUND: usize = 30;

fn nearest(problem: &Problem) -> String {
    let said = problem.nearest.iter().all(|near| problem.message.contains(&format!("read as {near}")));
    if said || problem.message.contains("id you mean") {
        return String::new();
    }
    let quoted: Vec<String> = problem.nearest.iter().map(|near| printable(near)).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!(" Did you mean {} or {last}?", rest.join(", ")),
        _ => format!(" Did you mean {}?", quoted.join("")),
    }
}

/// Text in one line that cannot steer a terminal, a character for a character.
fn printable(text: &str) -> String {
    reports::terminal::harmless(text).replace('\t', " ")
}

/// The text, and below it carets under each span. At least one caret each: an end of the text is a place too.
fn marked(text: &str, spans: &[Span]) -> String {
    let column = |byte: usize| columns(text.get(..byte).unwrap_or(text));
    let mut carets: Vec<char> = Vec::new();
    for span in spans {
        let (from, to) = (column(span.start), column(span.end));
        let to = to.max(from + 1);
        carets.resize(carets.len().max(to), ' ');
        carets[from..to].fill('^');
    }
    let carets: String = carets.into_iter().collect();
    format!("{INDENT}{}\n{INDENT}{}\n", printable(text), carets.trim_end())
}

fn marked_piece(text: &str, span: Span, width: usize) -> String {
    let around = AROUND.min(width / 3);
    let from = text.char_indices().rev().filter(|(at, _)| *at <= span.start).nth(around).map_or(0, |(at, _)| at);
    let to = text.char_indices().filter(|(at, _)| *at >= span.end).nth(around).map_or(text.len(), |(at, _)| at);
    let (before, after) = (if from > 0 { "…" } else { "" }, if to < text.len() { "…" } else { "" });
    let piece = format!("{before}{}{after}", &text[from..to]);
    let shift = before.len();
    marked(&piece, &[Span { start: span.start - from + shift, end: span.end - from + shift }])
}

/// How many columns of a terminal a text takes.
fn columns(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(printable(text).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(start: usize, end: usize, message: &str, nearest: &[&str]) -> Problem {
        let nearest = nearest.iter().map(|&near| near.to_owned()).collect();
        Problem { severity: Severity::Error, span: Span { start, end }, message: message.to_owned(), nearest }
    }

    #[test]
    fn carets_stand_under_every_mistake() {
        let text = "os:windws and edr.nam:s1";
        let problems = [
            problem(3, 9, "os has no value like \"windws\".", &["windows"]),
            problem(14, 21, "there is no field edr.nam in assets.", &["edr.name", "edr.id"]),
        ];
        assert_eq!(
            drawn(text, &problems, 100),
            "  os:windws and edr.nam:s1\n     ^^^^^^     ^^^^^^^\n  1  os has no value like \"windws\". Did you mean windows?\n  \
             2  there is no field edr.nam in assets. Did you mean edr.name or edr.id?"
        );
    }

    #[test]
    fn carets_count_columns_not_bytes_and_reach_the_end() {
        let text = "name:東京 and";
        assert_eq!(
            drawn(text, &[problem(text.len(), text.len(), "a term is missing.", &[])], 100),
            "  name:東京 and\n               ^\n  a term is missing."
        );
    }

    #[test]
    fn the_parts_of_an_answer_are_one_file() {
        let rows = |names: &[&str]| Table {
            columns: vec!["name".to_owned()],
            rows: names.iter().map(|name| vec![Cell::Text((*name).to_owned())]).collect(),
        };
        let joined = |format: Format, parts: &[&[&str]]| {
            let (mut out, mut before) = (String::new(), 0);
            for (at, names) in parts.iter().enumerate() {
                out += &part(format, &rows(names), (at == 0, at + 1 == parts.len()), before);
                before += names.len();
            }
            out
        };
        for format in [Format::Csv, Format::Json, Format::Ndjson] {
            let whole = joined(format, &[&["a", "b", "c"]]);
            for parts in [[["a"].as_slice(), &["b", "c"]].as_slice(), &[&[], &["a", "b"], &[], &["c"], &[]]] {
                assert_eq!(joined(format, parts), whole);
            }
        }
        assert_eq!(joined(Format::Json, &[&["a", "b"]]), reports::json::json(&rows(&["a", "b"])));
        assert_eq!(joined(Format::Json, &[&[], &[]]), reports::json::json(&rows(&[])));
    }

    #[test]
    fn the_hint_names_a_limit_that_is_taken() {
        assert_eq!([25, 5_000, LIMIT_MAX].map(higher), ["--limit 100", "--limit 10000", "--format csv"]);
    }

    #[test]
    fn what_the_reason_names_is_not_asked_again() {
        let told = drawn("a", &[problem(0, 1, "this is read as b or (c).", &["b or (c)"])], 100);
        assert!(told.ends_with("this is read as b or (c)."), "{told}");
    }

    #[test]
    fn a_long_query_is_shown_around_each_mistake() {
        let text = format!("{} and bad:x and {}", "a ".repeat(60), "b ".repeat(60));
        let at = text.find("bad").unwrap();
        let told = drawn(&text, &[problem(at, at + 3, "there is no field bad.", &[])], 80);
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[0].starts_with("  …") && lines[0].ends_with('…') && lines[0].chars().count() < 80, "{told}");
        let caret = lines[1].find('^').unwrap();
        assert_eq!(lines[0].chars().skip(caret).take(3).collect::<String>(), "bad", "{told}");
    }

    #[test]
    fn a_query_cannot_steer_the_terminal() {
        let told = drawn("a\u{1b}[2Jb", &[problem(0, 1, "no \u{1b}.", &["\u{7}"])], 100);
        assert!(!told.contains(['\u{1b}', '\u{7}']), "{told:?}");
    }
}
