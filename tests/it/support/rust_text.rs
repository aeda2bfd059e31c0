//! Comments and string literals of Rust's source.
//!
//! A scanner of a few tokens is enough: identifiers of code are no text, and syntax does not matter.
//! `syn` drops comments.

/// A text without code, such as a comment of several lines.
pub(crate) struct Text {
    pub content: String,
    /// Number of its first line.
    pub line: usize,
    /// True for `///` and `//!`.
    pub is_doc: bool,
}

/// Returns the comments and string literals of Rust's source. Adjacent comment lines are one text.
pub(crate) fn scan(source: &str) -> Vec<Text> {
    Scanner::scan(source)
}

/// Position in a source, with the texts before it.
struct Scanner {
    chars: Vec<char>,
    at: usize,
    line: usize,
    texts: Vec<Text>,
    /// Marker of the last comment, and the line that continues it.
    comment: Option<(&'static str, usize)>,
}

impl Scanner {
    fn scan(source: &str) -> Vec<Text> {
        let mut scanner =
            Self { chars: source.chars().collect(), at: 0, line: 1, texts: Vec::new(), comment: None };
        while let Some(char) = scanner.peek(0) {
            match char {
                '/' if scanner.peek(1) == Some('/') => scanner.line_comment(),
                '/' if scanner.peek(1) == Some('*') => scanner.block_comment(),
                '"' => scanner.string(),
                '\'' => scanner.char_or_lifetime(),
                _ if char.is_alphabetic() || char == '_' => scanner.word(),
                _ => {
                    // A comment behind code does not continue the one above.
                    if !char.is_whitespace() {
                        scanner.comment = None;
                    }
                    scanner.next();
                }
            }
        }
        scanner.texts
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Option<char> {
        let char = self.peek(0)?;
        self.at += 1;
        self.line += usize::from(char == '\n');
        Some(char)
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.next();
        }
    }

    fn push(&mut self, content: String, line: usize, is_doc: bool) {
        self.comment = None;
        self.texts.push(Text { content, line, is_doc });
    }

    fn line_comment(&mut self) {
        let line = self.line;
        let mut comment = String::new();
        while self.peek(0).is_some_and(|char| char != '\n') {
            comment.extend(self.next());
        }
        let marker = if comment.starts_with("////") {
            "//"
        } else {
            ["///", "//!", "//"].into_iter().find(|marker| comment.starts_with(marker)).unwrap()
        };
        let content = comment[marker.len()..].to_owned();
        if self.comment == Some((marker, line)) {
            let last = self.texts.last_mut().expect("the comment above");
            last.content.push('\n');
            last.content.push_str(&content);
        } else {
            self.push(content, line, marker != "//");
        }
        self.comment = Some((marker, line + 1));
    }

    fn block_comment(&mut self) {
        let (line, mut depth, mut content) = (self.line, 0_usize, String::new());
        while let Some(char) = self.next() {
            match (char, self.peek(0)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) => depth -= 1,
                _ => {
                    content.push(char);
                    continue;
                }
            }
            self.next();
            if depth == 0 {
                break;
            }
        }
        self.push(content, line, false);
    }

    fn string(&mut self) {
        let (line, mut content) = (self.line, String::new());
        self.next();
        while let Some(char) = self.next() {
            match char {
                '"' => break,
                // A break of the line within the literal stays one. Other escapes separate words.
                '\\' => content.push(self.next().filter(|char| *char == '\n').unwrap_or(' ')),
                _ => content.push(char),
            }
        }
        self.push(content, line, false);
    }

    fn raw_string(&mut self, hashes: usize) {
        let (line, mut content) = (self.line, String::new());
        self.skip(hashes + 1);
        while let Some(char) = self.next() {
            if char == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                self.skip(hashes);
                break;
            }
            content.push(char);
        }
        self.push(content, line, false);
    }

    fn char_or_lifetime(&mut self) {
        self.comment = None;
        self.next();
        if self.peek(0) == Some('\\') {
            self.skip(2);
            while self.next().is_some_and(|char| char != '\'') {}
        } else if self.peek(1) == Some('\'') {
            self.skip(2);
        }
    }

    fn word(&mut self) {
        self.comment = None;
        let mut word = String::new();
        while self.peek(0).is_some_and(|char| char.is_alphanumeric() || char == '_') {
            word.extend(self.next());
        }
        let hashes = (0..).take_while(|ahead| self.peek(*ahead) == Some('#')).count();
        if ["r", "br", "cr"].contains(&&*word) && self.peek(hashes) == Some('"') {
            self.raw_string(hashes);
        }
    }
}
