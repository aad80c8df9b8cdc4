//! Just enough Rust lexing to look for words in code without finding them in comments, strings or tests.

/// One Rust file seen three ways. All have the lines of the file, so that a position is the same in each.
pub struct Rust {
    /// The file without its comments.
    pub with_strings: String,
    /// The file without its comments and without what its strings say.
    pub code: String,
}

/// Reads a file; its `#[cfg(test)]` modules are left out.
pub fn read(text: &str) -> Rust {
    let (mut with_strings, mut code) = blank(text);
    for (from, to) in test_modules(&code) {
        wipe(&mut with_strings[from..to]);
        wipe(&mut code[from..to]);
    }
    Rust { with_strings: text_of(&with_strings), code: text_of(&code) }
}

/// The line, counted from 1, on which a byte stands.
pub fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn wipe(bytes: &mut [u8]) {
    for byte in bytes {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

/// The file without comments, and without comments and strings.
fn blank(text: &str) -> (Vec<u8>, Vec<u8>) {
    let bytes = text.as_bytes();
    let (mut with_strings, mut code) = (bytes.to_vec(), bytes.to_vec());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let end = if rest.starts_with(b"//") {
            let end = at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            wipe(&mut with_strings[at..end]);
            end
        } else if rest.starts_with(b"/*") {
            let end = at + block_comment(rest);
            wipe(&mut with_strings[at..end]);
            end
        } else if let Some(length) = raw_string(rest).filter(|_| !follows_word(bytes, at)) {
            at + length
        } else if rest[0] == b'"' {
            at + string(rest)
        } else if let Some(length) = char_literal(rest) {
            at + length
        } else {
            at += 1;
            continue;
        };
        wipe(&mut code[at..end]);
        at = end;
    }
    (with_strings, code)
}

fn follows_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw_string(rest: &[u8]) -> Option<usize> {
    let from = rest.iter().position(|byte| *byte != b'b').filter(|at| *at <= 1)?;
    if rest.get(from) != Some(&b'r') {
        return None;
    }
    let hashes = rest[from + 1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(from + 1 + hashes) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = from + hashes + 2;
    let length = rest[body..].windows(close.len()).position(|window| window == close);
    Some(length.map_or(rest.len(), |length| body + length + close.len()))
}

/// A character literal, which a lifetime is not.
fn char_literal(rest: &[u8]) -> Option<usize> {
    if rest[0] != b'\'' {
        return None;
    }
    if rest.get(1) == Some(&b'\\') {
        return rest[2.min(rest.len())..].iter().skip(1).position(|byte| *byte == b'\'').map(|at| at + 4);
    }
    let width = match rest.get(1)? {
        0..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

/// From and to of every `#[cfg(test)] mod ..` with a body.
fn test_modules(code: &[u8]) -> Vec<(usize, usize)> {
    let mark = b"#[cfg(test)]";
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(from) = code[at..].windows(mark.len()).position(|window| window == mark).map(|from| at + from) {
        let rest = &code[from..];
        at = from + mark.len();
        let Some(open) = rest.iter().position(|byte| matches!(byte, b'{' | b';')) else { break };
        if rest[open] == b';' {
            continue;
        }
        let mut depth = 0;
        let length = rest[open..].iter().position(|byte| {
            depth += i32::from(*byte == b'{') - i32::from(*byte == b'}');
            depth == 0
        });
        let to = length.map_or(code.len(), |length| from + open + length + 1);
        found.push((from, to));
        at = to;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_comments_strings_and_tests_are_not_code() {
        let text = concat!(
            "// tokio\nfn a<'a>(x: &'a str) { let c = '\"'; /* tokio /* deep */ tokio */ let s = \"tokio \\\" x\"; }\n",
            "let r = br#\"tokio \" \"#; let n = '\\n'; let u = '\\u{1F}'; let w = 'é';\n",
            "#[cfg(test)]\nmod tests { fn t() { tokio(); } }\nfn after() { real(); }\n"
        );
        let read = read(text);
        assert!(!read.code.contains("tokio"), "{}", read.code);
        assert!(read.code.contains("fn after() { real(); }") && read.code.contains("fn a<'a>(x: &'a str)"));
        assert_eq!(read.with_strings.matches("tokio").count(), 2);
        assert_eq!(read.code.lines().count(), text.lines().count());
    }

    #[test]
    fn lines_count_from_one() {
        assert_eq!((line_of("a\nb\nc", 0), line_of("a\nb\nc", 2), line_of("a\nb\nc", 99)), (1, 2, 3));
    }
}
