//! Tests that comments, messages and documents avoid words that are hard to read.
//!
//! `tests/language.txt` has the files that are still to be rewritten, with the number of hits in
//! each. A file with more hits than that fails the test. So does a file with fewer, until its count
//! is lowered: the list only shrinks. `UPDATE_LANGUAGE=1 cargo test --test it language::` lowers counts and
//! follows files that were moved.
//!
//! In Rust only comments and string literals are text. Other files are text as a whole.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use crate::support::rust_text::{Text, scan};

/// Phrases, and what to write instead. The first word may be capitalized.
const PHRASES: [(&str, &str); 21] = [
    ("a way through", "a read of"),
    ("anew", "again"),
    ("come to", "reach"),
    ("comes to", "reaches"),
    ("for ever", "indefinitely"),
    ("give way", "yield, are evicted"),
    ("gives way", "yields, is evicted"),
    ("has it that", "the plain verb"),
    ("how manieth", "the index or position"),
    ("in hand", "the state: in flight, queued, read"),
    ("is made", "is created"),
    ("is said", "is reported"),
    ("is told", "receives, learns"),
    ("let go of", "release, drop"),
    ("lets go of", "releases, drops"),
    ("nobody", "the actor: no client, no caller"),
    ("of late", "recently"),
    ("somebody", "the actor: a client, a caller"),
    ("taken away", "removed"),
    ("takes away", "removes"),
    ("whoever", "the actor: the client, the caller"),
];
/// Words that are fine as a whole string literal: the name of an account.
const NAMES: [&str; 2] = ["nobody", "somebody"];
/// Words that do not begin a doc comment.
const FIRST_WORDS: [&str; 3] = ["What", "Who", "Whether"];
/// What to begin a doc comment with.
const FIRST_REMEDY: &str = "a verb (Returns whether) or a noun phrase";

/// Directories with text.
const DIRECTORIES: [&str; 13] = [
    ".cargo", ".ci", ".config", "benches", "crates", "deploy", "docs", "examples", "fuzz", "proto",
    "scripts", "src", "tests",
];
/// Files and directories that others wrote, that are generated, or that have these words on purpose.
const EXCLUDED: [&str; 12] = [
    "crates/imcallback/src/generated",
    "docs/performance",
    "examples/node/package-lock.json",
    "fuzz/Cargo.lock",
    "fuzz/artifacts",
    "fuzz/corpus",
    "tests/fixtures",
    "tests/it/language.rs",
    "tests/language.txt",
    "tests/odd_bodies",
    "tests/other_shapes",
    "tests/releases",
];
/// The list of files that are still to be rewritten.
const LIST: &str = "tests/language.txt";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A word or a punctuation character. Empty at the end of a paragraph.
struct Token<'a> {
    word: &'a str,
    line: usize,
}

/// A phrase that is to be replaced.
#[derive(Debug, PartialEq)]
struct Hit {
    line: usize,
    phrase: &'static str,
    remedy: &'static str,
}

/// Splits another file into texts: each run of comment lines of a proto file, and the whole of others.
fn plain_texts(path: &Path, source: &str) -> Vec<Text> {
    let is_proto = path.extension().is_some_and(|extension| extension == "proto");
    let mut texts: Vec<Text> = Vec::new();
    let mut was_comment = false;
    for (at, line) in source.lines().enumerate() {
        let trimmed = line.trim_start();
        let is_comment = is_proto && trimmed.starts_with("//");
        // Markers of comments and quotes at the start of a line do not separate words.
        let content = trimmed.trim_start_matches(['#', '/', '*', '>', '!', ' ']);
        match texts.last_mut() {
            Some(last) if is_comment == was_comment => {
                last.content.push('\n');
                last.content.push_str(content);
            }
            _ => texts.push(Text { content: content.to_owned(), line: at + 1, is_doc: is_comment }),
        }
        was_comment = is_comment;
    }
    texts
}

fn tokens(text: &Text) -> Vec<Token<'_>> {
    let is_of_word = |char: char| char.is_alphanumeric() || ['_', '-', '\'', '’'].contains(&char);
    let mut tokens = Vec::new();
    for (at, line) in text.content.lines().enumerate() {
        let mut rest = line.trim();
        let mut push = |word| tokens.push(Token { word, line: text.line + at });
        if rest.is_empty() {
            push("");
        }
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|char| !is_of_word(char)).unwrap_or(rest.len()).max(first.len_utf8());
            let (word, after) = rest.split_at(end);
            push(word);
            rest = after.trim_start();
        }
    }
    tokens
}

/// Phrases by their first word.
type Index = HashMap<String, Vec<(&'static str, &'static str)>>;

/// Returns the phrases by their first word, as it is and capitalized.
fn index() -> Index {
    let mut index = Index::new();
    for (phrase, remedy) in PHRASES {
        let first = phrase.split(' ').next().unwrap();
        let capitalized = first[..1].to_uppercase() + &first[1..];
        for word in [first.to_owned(), capitalized] {
            index.entry(word).or_default().push((phrase, remedy));
        }
    }
    index
}

fn hits(index: &Index, path: &Path, source: &str) -> Vec<Hit> {
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    let texts = if is_rust { scan(source) } else { plain_texts(path, source) };
    let mut hits = Vec::new();
    for text in texts.iter().filter(|text| !NAMES.contains(&&*text.content)) {
        let tokens = tokens(text);
        let first = tokens.iter().find(|token| !token.word.is_empty());
        let wrong = first.and_then(|first| FIRST_WORDS.into_iter().find(|word| *word == first.word));
        if let (Some(phrase), true) = (wrong, text.is_doc) {
            hits.push(Hit { line: text.line, phrase, remedy: FIRST_REMEDY });
        }
        for (at, token) in tokens.iter().enumerate() {
            for &(phrase, remedy) in index.get(token.word).into_iter().flatten() {
                let mut rest = phrase.split(' ').skip(1).zip(at + 1..);
                if rest.all(|(word, at)| tokens.get(at).is_some_and(|token| token.word == word)) {
                    hits.push(Hit { line: token.line, phrase, remedy });
                }
            }
        }
    }
    hits
}

/// Collects the files of a directory, with paths from the root.
fn collect(directory: &str, files: &mut Vec<String>) {
    for entry in fs::read_dir(root().join(directory)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if directory.is_empty() { name.clone() } else { format!("{directory}/{name}") };
        if EXCLUDED.contains(&&*path) {
            continue;
        }
        if entry.file_type().unwrap().is_file() {
            files.push(path);
        } else if entry.file_type().unwrap().is_dir() && !directory.is_empty() {
            // The pages of the examples have their imports installed here.
            if !name.starts_with('.') && !["node_modules", "target"].contains(&&*name) {
                collect(&path, files);
            }
        }
    }
}

/// Returns all hits by path. Files that are not UTF-8 are no text.
fn all_hits() -> BTreeMap<String, Vec<Hit>> {
    let mut files = Vec::new();
    collect("", &mut files);
    files.retain(|file| {
        let extension = Path::new(file).extension().unwrap_or_default();
        ["md", "rs", "toml", "yaml"].iter().any(|kind| extension == *kind)
            || ["Dockerfile", "justfile"].contains(&&**file)
    });
    DIRECTORIES.iter().for_each(|directory| collect(directory, &mut files));
    assert!(files.len() > 200, "{files:?}");
    let index = index();
    let hits = files.into_iter().filter_map(|path| {
        let source = String::from_utf8(fs::read(root().join(&path)).unwrap()).ok()?;
        let hits = hits(&index, Path::new(&path), &source);
        (!hits.is_empty()).then_some((path, hits))
    });
    hits.collect()
}

/// Reads the list: a count and a path on each line, sorted by path.
fn read_list() -> BTreeMap<String, usize> {
    let text = fs::read_to_string(root().join(LIST)).unwrap();
    let entry = |line: &str| {
        let (count, path) = line.trim_start().split_once(' ').unwrap_or_else(|| panic!("{LIST}: {line}"));
        (path.to_owned(), count.parse().unwrap_or_else(|error| panic!("{LIST}: {line}: {error}")))
    };
    text.lines().map(entry).collect()
}

fn write_list(list: &BTreeMap<String, usize>) {
    let mut text = String::new();
    for (path, count) in list {
        writeln!(text, "{count:4} {path}").unwrap();
    }
    fs::write(root().join(LIST), text).unwrap();
}

/// Lowers counts to what was found. A file that was moved or split takes its count along.
fn shrink(list: &mut BTreeMap<String, usize>, found: &BTreeMap<String, Vec<Hit>>) {
    let is_there = |path: &String| root().join(path).exists();
    let mut moved: usize = list.iter().filter(|(path, _)| !is_there(path)).map(|(_, count)| count).sum();
    for (path, hits) in found {
        let count = list.get(path).copied().unwrap_or_else(|| moved.min(hits.len()));
        if !list.contains_key(path) {
            moved -= count;
        }
        list.insert(path.clone(), count.min(hits.len()));
    }
    list.retain(|path, count| *count > 0 && found.contains_key(path));
}

#[test]
fn files_have_no_more_old_words_than_the_list_says() {
    let found = all_hits();
    let mut list = read_list();
    if std::env::var_os("UPDATE_LANGUAGE").is_some() {
        shrink(&mut list, &found);
        write_list(&list);
    }
    let mut faults = String::new();
    for (path, hits) in &found {
        let allowed = list.get(path).copied().unwrap_or(0);
        if hits.len() > allowed {
            writeln!(faults, "{path}: {} hits, and {allowed} in {LIST}", hits.len()).unwrap();
            for Hit { line, phrase, remedy } in hits {
                writeln!(faults, "  {path}:{line}: '{phrase}'; write {remedy}").unwrap();
            }
        }
    }
    for (path, count) in &list {
        let hits = found.get(path).map_or(0, Vec::len);
        if hits < *count {
            writeln!(faults, "{path}: {hits} hits, and {count} in {LIST}: run UPDATE_LANGUAGE=1").unwrap();
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

fn phrases(path: &str, source: &str) -> Vec<(usize, &'static str)> {
    hits(&index(), Path::new(path), source).iter().map(|hit| (hit.line, hit.phrase)).collect()
}

#[test]
fn in_rust_only_comments_and_strings_count() {
    let source = r##"//! Comes
//! to: a phrase ends at a break of the line, not at a paragraph's end. It comes
//!
//! to this.
fn nobody<'a>(anew: &'a str, quote: char) -> bool {
    // Whoever calls, is_told and retold aside. ANEW
    let x = anew == "it is \
                     told" || quote == '"' || quote == '\''; // nobody's
    x || r#"a "quoted" whoever"# == br"somebody else" || quote == "nobody" /* of late */
}
/// What is here.
/// Whether it is.
//// Who is here.
// Whether it is.
"##;
    let expected = [
        (1, "comes to"),
        (6, "whoever"),
        (7, "is told"),
        (9, "whoever"),
        (9, "somebody"),
        (9, "of late"),
        (11, "What"),
    ];
    assert_eq!(phrases("a.rs", source), expected);
}

#[test]
fn other_files_are_text_as_a_whole() {
    let markdown = "# Anew\n\n> It gives\n> way: comes\n> too late, let go.\nForever, in hand-made lists.\n";
    assert_eq!(phrases("a.md", markdown), [(1, "anew"), (3, "gives way")]);
    assert_eq!(
        phrases("a", "#!/bin/sh\n# It is\n# said to\necho \"somebody $nobody_else\"\n"),
        [(2, "is said"), (4, "somebody")]
    );
    let proto = "// Who acts.\nstring who = 1;\n// The one\n// Who acts.\nstring by = 2; // Whether\n";
    assert_eq!(phrases("a.proto", proto), [(1, "Who")]);
}
