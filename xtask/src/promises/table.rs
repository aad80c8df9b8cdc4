//! What is promised, and what can go wrong: the parts of the page that people write.

/// One promise.
pub struct Promise {
    /// Its number.
    pub number: u8,
    /// Its name.
    pub name: &'static str,
    /// What is promised.
    pub promised: &'static str,
    /// What is not.
    pub not: &'static str,
    /// Names of tests that fail if it is broken, besides those of the faults.
    pub tests: &'static [&'static str],
    /// Faults whose tests hold it too.
    pub faults: &'static [u8],
}

/// One fault that is injected on purpose.
pub struct Fault {
    /// Its row.
    pub number: u8,
    /// What goes wrong.
    pub what: &'static str,
    /// Where it is injected.
    pub injected: &'static str,
    /// What must hold afterwards.
    pub holds: &'static str,
    /// What a person sees: the state, the exit code, the sentence.
    pub seen: &'static str,
}

pub const PROMISES: &[Promise] = &[
    Promise {
        number: 1,
        name: "Nothing is lost",
        promised: "Every version of a record that a complete sweep could see, and that differs in more than the fields its \
            stream declares volatile, is in the log exactly once. Killing the program at any moment loses none.",
        not: "A version that appears and disappears between two sweeps cannot be seen. What the console itself forgets, or \
            never tells, is not there to be read. A disk that says it has written and has not may lose what was read last; \
            the checkpoint is lost with it, so the next pass reads it again for as long as the console has it.",
        tests: &[
            "a_killed_pass_goes_on_without_loss_and_without_a_second_artifact",
            "a_first_sync_holds_what_the_console_counts",
            "a_late_row_is_seen_by_the_overlap",
        ],
        faults: &[1, 2, 3, 4, 5, 8, 9, 10, 11],
    },
    Promise {
        number: 2,
        name: "Nothing is invented",
        promised: "Every artifact is, byte for byte after redaction, what a console said. Nothing is retired by a sweep that was \
            cut off, failed, throttled or seen through a narrower token: only by two complete sweeps in a row that do not \
            show it. If more than a tenth of a stream would go at once, nothing goes until a person agrees.",
        not: "Muster cannot know that a console's answer is wrong while its own count agrees with it.",
        tests: &["only_the_same_or_a_wider_scope_covers_another", "what_the_token_sees_less_of_is_never_retired"],
        faults: &[8, 17, 24],
    },
    Promise {
        number: 3,
        name: "The checkpoint commits with its data",
        promised: "A page, the state it leads to, its artifacts and the checkpoint behind it are one transaction, and the disk \
            has confirmed it (SQLite: WAL, synchronous=FULL, one writer; PostgreSQL: synchronous_commit) before the next \
            page counts on it.",
        not: "A database server whose operator turned fsync off, or a disk that lies about it, is outside of this.",
        tests: &["a_new_file_is_its_owners_alone_and_as_we_want_it", "a_second_pass_fences_the_first"],
        faults: &[3, 4, 5, 9, 10],
    },
    Promise {
        number: 4,
        name: "At least once, in order, with a stable key",
        promised: "For the NDJSON file sink: every artifact from the place where the sink began is written to the file at least \
            once, in the order of the log, with an id that is the same in every database. After a crash at most one batch \
            is written again; who drops ids it has seen ends with each exactly once. A slow or dead sink delays no other \
            and loses nothing. Only an operator's own limit ever detaches a sink, and never silently.",
        not: "Exactly once in the file itself. Other kinds of sinks do not exist yet, and nothing is promised for them.",
        tests: &[
            "numbers_follow_the_order_of_commits_and_a_rolled_back_page_takes_none",
            "a_rebuilt_log_has_the_same_ids",
        ],
        faults: &[6, 7, 12],
    },
    Promise {
        number: 5,
        name: "Complete, or said so",
        promised: "At the end of a sweep the console's own count is compared with what was seen. If they do not agree the stream \
            is INCOMPLETE, the watermark stays, and the exit code is 3. It is never shown as success.",
        not: "A count that the console caps (50,000 activities) is proven in slices; a stream for which the console offers \
            neither a count nor an end is proven by its last page only.",
        tests: &[
            "a_console_that_shows_fewer_than_it_counts_is_incomplete",
            "activities_beyond_the_consoles_count_are_proven_by_windows",
            "every_fault_of_a_page_is_got_over_or_admitted",
        ],
        faults: &[14, 15, 16],
    },
    Promise {
        number: 6,
        name: "Read-only, and redacted before anything else",
        promised: "No request outside a fixed list of reads can be built, and no read that answers with a secret is on it. The \
            values of secret keys are blanked in the bytes of every answer before it is stored, kept aside, shown or logged.",
        not: "A secret that somebody typed into a free text, such as a note or a computer's name, is text like any other.",
        tests: &[
            "the_allow_list_holds_no_write_and_no_secret_read",
            "redaction_leaves_no_secret_and_changes_nothing_else",
            "spelling_cannot_hide_a_secret",
            "a_token_is_found_nowhere",
        ],
        faults: &[20, 21],
    },
    Promise {
        number: 7,
        name: "Unknown is not safe",
        promised: "A value that Muster does not know, a null, and a module that answers 403 are unknown: never zero, never no, \
            never pass. What is not available is listed with its reason and with what is therefore not known.",
        not: "",
        tests: &[
            "an_unknown_word_is_kept_and_nul_is_left_for_the_inventory_to_count",
            "every_stream_says_what_is_not_known_without_it",
            "an_unknown_text_is_kept",
        ],
        faults: &[22],
    },
    Promise {
        number: 8,
        name: "Every merge has a reason and an undo",
        promised: "Which record belongs to which asset is a row of its own, with the rule and the evidence; the result does not \
            depend on the order in which records arrived.",
        not: "There is one source so far, so nothing is merged yet.",
        tests: &[],
        faults: &[],
    },
    Promise {
        number: 9,
        name: "Secrets stay secret",
        promised: "Tokens are sealed before they are stored and printed nowhere: not in a log line, an error, the database's \
            text, an artifact or a page.",
        not: "Whoever has both the database and the key has the token.",
        tests: &[
            "a_token_is_found_nowhere",
            "a_secret_comes_back_and_is_nowhere_in_the_database",
            "an_error_never_repeats_the_token_or_a_secret",
            "a_password_is_never_printed",
        ],
        faults: &[],
    },
    Promise {
        number: 10,
        name: "Trouble with the token is loud",
        promised: "A 401 that GET /user confirms, or a 403 on /user or on agents, stops that integration, keeps its checkpoints, \
            and says what to do. On any other stream it concerns that stream. A 429 or a 5xx never asks for a new token.",
        not: "",
        tests: &[
            "a_401_that_the_console_does_not_confirm_concerns_one_stream",
            "a_403_on_agents_stops_and_on_another_stream_it_does_not",
            "only_a_refused_token_asks_for_a_new_one",
            "neither_a_429_nor_a_5xx_ever_doubts_the_token",
            "a_token_that_is_revoked_later",
        ],
        faults: &[17, 18],
    },
];

/// The sentence for a process that was killed: there is nobody to say one.
const KILLED: &str = "nothing is said by a killed process; the next one goes on from its checkpoint and ends 0, or 3 while a \
    stream is incomplete";

pub const FAULTS: &[Fault] = &[
    Fault {
        number: 1,
        what: "kill -9 before a request is answered",
        injected: "crash harness: the console holds its answer back",
        holds: "the page is asked for again",
        seen: KILLED,
    },
    Fault {
        number: 2,
        what: "kill -9 in the middle of a body",
        injected: "crash harness: the console stops half way",
        holds: "nothing of the page was stored",
        seen: KILLED,
    },
    Fault {
        number: 3,
        what: "kill -9 before the page's transaction",
        injected: "crash point `begin`",
        holds: "the page is asked for again",
        seen: KILLED,
    },
    Fault {
        number: 4,
        what: "kill -9, or a failure, between two statements",
        injected: "crash points `statement` and `commit`",
        holds: "the state is the one before the page",
        seen: KILLED,
    },
    Fault {
        number: 5,
        what: "kill -9 after COMMIT, before anybody is told",
        injected: "crash point `committed`",
        holds: "the page is there, once; no second artifact",
        seen: KILLED,
    },
    Fault {
        number: 6,
        what: "kill -9 after a sink's write, before its acknowledgement",
        injected: "crash point `at:sink-written`",
        holds: "at most one batch is delivered again",
        seen: KILLED,
    },
    Fault {
        number: 7,
        what: "kill -9 after the acknowledgement, before the sink's cursor",
        injected: "crash point at the cursor's statement",
        holds: "at most one batch is delivered again",
        seen: KILLED,
    },
    Fault {
        number: 8,
        what: "kill -9 during reconcile and retirement",
        injected: "crash point at the statement that notes an absence",
        holds: "nothing is retired early, or by half",
        seen: KILLED,
    },
    Fault {
        number: 9,
        what: "power loss: writes that were not synced are gone, or torn by sector; any I/O fails",
        injected: "a file system between SQLite and the disk, at every write of a transaction; kill -9 of PostgreSQL's server",
        holds: "what was acknowledged is there; a transaction is there whole or not at all",
        seen: "exit 6, \"using the database file\", if an I/O fails; nothing after a power loss",
    },
    Fault {
        number: 10,
        what: "disk full",
        injected: "the same file system; SQLite's own page limit; a limit on file sizes",
        holds: "fetching stops, readers and sinks go on, and it recovers alone once there is room",
        seen: "exit 6, \"the disk that holds the database is full\"",
    },
    Fault {
        number: 11,
        what: "a bit of the file turned; the write-ahead log cut or damaged",
        injected: "the same file system, on reading; damage to the files",
        holds: "damage to the file's structure, to a body or to the log is refused; a damaged write-ahead log gives back the \
            last whole transaction, with its checkpoint",
        seen: "exit 6, \"the database is damaged\", and how to restore",
    },
    Fault {
        number: 12,
        what: "a sink that is down, slow, full, or answers wrongly",
        injected: "receivers that misbehave",
        holds: "other sinks are not delayed; nothing is lost",
        seen: "`muster sink list`: waiting, with the reason and since when; amber",
    },
    Fault {
        number: 13,
        what: "the clock jumps by an hour or a day, summer time, the console's clock is ten minutes off, a record from the \
            future",
        injected: "the clock, which is an argument; the console's clock",
        holds: "no gap: watermarks follow the console's clock and never pass it",
        seen: "degraded, with the difference, if the console's clock is far off; exit 0",
    },
    Fault {
        number: 14,
        what: "a page twice, for ever, or empty with a cursor; no `pagination`; \"\" for null; a cursor encoded twice",
        injected: "simulator: duplicate-page, repeat-cursor, empty-page, missing-pagination",
        holds: "requests are bounded; complete, or INCOMPLETE",
        seen: "INCOMPLETE with the reason, exit 3, if it lasts",
    },
    Fault {
        number: 15,
        what: "pages out of order, records that change while they are read, thousands of equal instants",
        injected: "simulator: nonmonotone; a console that moves",
        holds: "complete",
        seen: "exit 0; INCOMPLETE with the reason, exit 3, if counts differ",
    },
    Fault {
        number: 16,
        what: "a cursor is refused with 400 once, twice, always",
        injected: "simulator: cursor400",
        holds: "it goes on by cutting the window",
        seen: "exit 0; INCOMPLETE with the reason, exit 3, where time cannot be cut",
    },
    Fault {
        number: 17,
        what: "the token is revoked in mid-sweep, its role is cut, its scope is narrowed",
        injected: "simulator: revoke, scope-cut",
        holds: "nothing is retired",
        seen: "authentication failed or permission missing, exit 4; a narrower scope: degraded, exit 0",
    },
    Fault {
        number: 18,
        what: "429 with every form of Retry-After, a storm of them, 503, 502 in HTML",
        injected: "simulator: html429, html429-after, html502, json500 and others",
        holds: "the rate goes down; nothing is lost; nobody is asked for a new token",
        seen: "waits are shown; if it lasts: degraded (rate limited) or unreachable, exit 5",
    },
    Fault {
        number: 19,
        what: "a trickle, a reset at any byte, another certificate, DNS that comes and goes",
        injected: "simulator: slow, reset, truncated; sockets that misbehave; a TLS server that exchanges its certificate \
                   and ends kept connections; a resolver that flaps. Only HTTP/1.1 is offered, so HTTP/2's GOAWAY cannot come",
        holds: "bounded time; the same page again; nothing is sent to who cannot prove to be the console",
        seen: "unreachable, with what failed (DNS, port, TLS, HTTP), or invalid (certificate), exit 5",
    },
    Fault {
        number: 20,
        what: "JSON that breaks off, invalid UTF-8, NaN, keys twice, depth 10,000, a record of 200 MB, a gzip bomb",
        injected: "simulator, properties, fuzzing",
        holds: "the record is kept aside, the page goes on; memory is bounded",
        seen: "kept aside and counted, exit 0; INCOMPLETE, exit 3, if a page cannot be read at all",
    },
    Fault {
        number: 21,
        what: "200 with a login page, with `errors`, or with GraphQL errors",
        injected: "simulator: html200 and others",
        holds: "a failure, and the checkpoint does not move",
        seen: "unreachable, exit 5; a module: not available",
    },
    Fault {
        number: 22,
        what: "a new field, a new word, another type, a missing instant, null `data`",
        injected: "simulator: its oddities, null-data",
        holds: "kept as sent; counted as drift",
        seen: "exit 0; listed as drift",
    },
    Fault {
        number: 23,
        what: "a record that becomes visible late; a change that does not move its time",
        injected: "simulator: late rows, changes by hand",
        holds: "seen by the overlap, or by the next full sweep",
        seen: "nothing, exit 0",
    },
    Fault {
        number: 24,
        what: "decommissioned, deleted, back again; moved to another site; an id used again",
        injected: "simulator: changes by hand",
        holds: "created, updated, retired, seen again: in that order",
        seen: "retired records are counted as removed; more than a tenth at once: held and degraded, exit 0, until --accept-removals",
    },
    Fault {
        number: 25,
        what: "two collectors on one database, one token on two hosts, yesterday's backup restored",
        injected: "two writers; two databases; an older copy of the file",
        holds: "the second is fenced; a restored database brings duplicates by id and loses nothing",
        seen: "SQLite: exit 6, names the other process; PostgreSQL: each stream is swept by one of them",
    },
    Fault {
        number: 26,
        what: "a back-fill of millions of rows beside live polling",
        injected: "load on a simulated console",
        holds: "live streams are not delayed; memory is flat",
        seen: "progress of the back-fill; exit 0",
    },
    Fault {
        number: 27,
        what: "a database of the version before, with a sweep cut off and a log not yet delivered; one of a newer version",
        injected: "a database made by the first migrations",
        holds: "it opens and goes on; a newer one is refused and left as it is",
        seen: "exit 0; a newer one: exit 6, \"the database is newer than this program\"",
    },
];
