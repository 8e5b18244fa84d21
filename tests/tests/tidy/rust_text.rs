//! Tells code, comments and string literals of a Rust file apart, line by line.
//!
//! A lexer of the few forms that matter: line and nested block comments, strings (escaped, raw, byte), character
//! literals and lifetimes. It need not reject bad Rust: the compiler has.

/// One line of a Rust file, each part blanked out of the others.
#[derive(Default)]
pub(crate) struct Line {
    /// What the compiler acts on; literals are empty quotes.
    pub(crate) code: String,
    /// The text of comments.
    pub(crate) comment: String,
    /// The string literals that begin on this line, as written between their quotes.
    pub(crate) strings: Vec<String>,
}

/// Splits a file; the first line has index 0.
pub(crate) fn lines(text: &str) -> Vec<Line> {
    let mut lexer = Lexer { rest: text, lines: vec![Line::default()], before: ' ' };
    while lexer.step() {}
    lexer.lines
}

/// The lines before the file's own test module, which stands last (style.md, 3).
pub(crate) fn production(text: &str) -> Vec<Line> {
    let mut all = lines(text);
    let tests = all.windows(2).position(|pair| {
        matches!(pair, [first, second]
            if first.code.trim() == "#[cfg(test)]" && second.code.trim_start().starts_with("mod "))
    });
    if let Some(tests) = tests {
        all.truncate(tests);
    }
    all
}

struct Lexer<'a> {
    rest: &'a str,
    lines: Vec<Line>,
    /// The code character before `rest`: an identifier's tail means that a quote after it has a prefix.
    before: char,
}

impl Lexer<'_> {
    fn step(&mut self) -> bool {
        let Some(next) = self.rest.chars().next() else {
            return false;
        };
        if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.comment(end);
        } else if self.rest.starts_with("/*") {
            self.comment(block_comment(self.rest));
        } else if let Some((open, end, close)) = string(self.rest, self.before) {
            let text = self.rest.get(open..end - close).unwrap_or_default().to_owned();
            self.line().code.push_str("\"\"");
            self.line().strings.push(text);
            self.skip(end);
            self.before = '"';
        } else if let Some(end) = character(self.rest) {
            self.line().code.push_str("''");
            self.skip(end);
            self.before = '\'';
        } else {
            if next == '\n' {
                self.lines.push(Line::default());
            } else {
                self.line().code.push(next);
            }
            self.before = next;
            self.rest = self.rest.get(next.len_utf8()..).unwrap_or_default();
        }
        true
    }

    fn line(&mut self) -> &mut Line {
        if self.lines.is_empty() {
            self.lines.push(Line::default());
        }
        let last = self.lines.len() - 1;
        self.lines.get_mut(last).unwrap_or_else(|| unreachable!())
    }

    fn comment(&mut self, bytes: usize) {
        let text = self.rest.get(..bytes).unwrap_or_default().to_owned();
        for (index, part) in text.split('\n').enumerate() {
            if index > 0 {
                self.lines.push(Line::default());
            }
            self.line().comment.push_str(part);
        }
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn skip(&mut self, bytes: usize) {
        let newlines = self.rest.get(..bytes).unwrap_or_default().matches('\n').count();
        for _ in 0..newlines {
            self.lines.push(Line::default());
        }
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}

/// Bytes of the (nested) block comment that `text` begins with.
fn block_comment(text: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Where the content of the string literal that `text` begins with opens, where the literal ends, and the bytes that
/// close it.
fn string(text: &str, before: char) -> Option<(usize, usize, usize)> {
    let prefix = if before.is_alphanumeric() || before == '_' {
        ""
    } else {
        ["br", "cr", "b", "c", "r"]
            .into_iter()
            .find(|prefix| text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['"', '#'])))
            .unwrap_or_default()
    };
    let quoted = text.strip_prefix(prefix)?;
    let raw = prefix.ends_with('r');
    let hashes = if raw { quoted.chars().take_while(|is| *is == '#').count() } else { 0 };
    let content = quoted.get(hashes..)?.strip_prefix('"')?;
    let open = prefix.len() + hashes + 1;
    if raw {
        let close = format!("\"{}", "#".repeat(hashes));
        let length = content.find(&close).unwrap_or(content.len() - close.len());
        return Some((open, open + length + close.len(), close.len()));
    }
    let mut escaped = false;
    for (at, is) in content.char_indices() {
        match is {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some((open, open + at + 1, 1)),
            _ => {}
        }
    }
    None
}

/// Bytes of the character literal that `text` begins with; `None` for a lifetime.
fn character(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'')?;
    let mut chars = inner.char_indices();
    let (_, first) = chars.next()?;
    if first == '\\' {
        let (second, _) = chars.next()?;
        let rest = inner.get(second + 1..)?;
        return rest.find('\'').map(|end| 1 + second + 1 + end + 1);
    }
    let (end, close) = chars.next()?;
    (close == '\'').then_some(1 + end + 1)
}

#[test]
fn parts_are_told_apart() {
    let text = "let a = \"x // \\\" y\"; // note \"z\"\nlet b: &'static str = r#\"p\"q\"#; /* one\n/* two */ three */ c('\"', '\\'');\n";
    let lines = lines(text);
    let code: Vec<_> = lines.iter().map(|line| line.code.trim_end()).collect();
    assert_eq!(code, ["let a = \"\";", "let b: &'static str = \"\";", " c('', '');", ""]);
    let strings: Vec<_> = lines.iter().flat_map(|line| &line.strings).collect();
    assert_eq!(strings, ["x // \\\" y", "p\"q"]);
    assert_eq!(lines[0].comment, "// note \"z\"");
    assert_eq!(lines[2].comment, "/* two */ three */");
}

#[test]
fn the_test_module_is_no_production() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\n";
    assert_eq!(production(text).len(), 1);
}
