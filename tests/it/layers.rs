//! Modules import only what the table in `src/lib.rs` allows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Modules that only contain others: their rows name the inner ones.
const GROUPS: [&str; 2] = ["delivery", "ingest"];

/// Returns the allowed imports by module.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let lib = fs::read_to_string("src/lib.rs").unwrap();
    let rows = lib.lines().filter_map(|line| line.strip_prefix("//! | ")).skip(2);
    let name = |cell: &str| cell.trim_matches(['[', ']', '`', ' ']).to_owned();
    let table: BTreeMap<_, _> = rows
        .map(|row| {
            let cells: Vec<_> = row.trim_end_matches(" |").split(" | ").collect();
            let allowed = cells[2].split(", ").filter(|name| *name != "nothing").map(str::to_owned);
            (name(cells[0]), allowed.collect())
        })
        .collect();
    assert!(table.len() >= 14, "{table:?}");
    table
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Returns the path of a file's module below the crate.
fn module(path: &Path) -> Vec<String> {
    let path = path.strip_prefix("src").unwrap().with_extension("");
    path.iter().map(|part| part.to_str().unwrap().to_owned()).collect()
}

/// Returns the row of a module: two names in a group, else the first.
fn row(module: &[String]) -> String {
    let len = if GROUPS.contains(&module[0].as_str()) { 2 } else { 1 };
    module[..len.min(module.len())].join("::")
}

/// Returns a file's code without tests and comments.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Returns every path after `crate::`, with groups in braces expanded.
fn imports(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if !before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            paths(&code[at + "crate::".len()..], &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Parses one path, or a group of paths. Returns the number of bytes that it consumed.
fn paths(text: &str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let mut at = 0;
    if text.starts_with('{') {
        at = 1;
        loop {
            at += text[at..].len() - text[at..].trim_start().len();
            if text[at..].starts_with('}') {
                return at + 1;
            }
            at += paths(&text[at..], &mut prefix.clone(), found);
            at += text[at..].find([',', '}']).unwrap();
            at += usize::from(text[at..].starts_with(','));
        }
    }
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '*').collect();
    at += name.len();
    prefix.push(name);
    if text[at..].starts_with("::") && !text[at..].starts_with("::<") {
        return at + 2 + paths(&text[at + 2..], prefix, found);
    }
    found.push(prefix.clone());
    at
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let table = table();
    let mut all = Vec::new();
    files(Path::new("src"), &mut all);
    let (mut wrong, mut used) = (BTreeSet::new(), BTreeSet::new());
    for path in all {
        let module = module(&path);
        let is_test = module.iter().any(|name| name.ends_with("tests") || name == "conformance");
        if is_test || ["lib", "main", "testing"].contains(&module[0].as_str()) {
            continue;
        }
        let row = row(&module);
        let Some(allowed) = table.get(&row) else {
            assert!(GROUPS.contains(&row.as_str()), "{} has no row in the table", path.display());
            continue;
        };
        for import in imports(&code(&fs::read_to_string(&path).unwrap())) {
            let is_own = import.join("::").starts_with(&row);
            let rule = allowed.iter().find(|rule| {
                let rule: Vec<_> = rule.split("::").collect();
                import.iter().zip(&rule).all(|(name, rule)| name == rule) && import.len() >= rule.len()
            });
            match rule {
                _ if is_own => {}
                Some(rule) => {
                    used.insert((row.clone(), rule.clone()));
                }
                None => {
                    wrong.insert(format!("{row} imports {} ({})", import.join("::"), path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let unused: Vec<_> = table
        .iter()
        .flat_map(|(row, allowed)| allowed.iter().map(|rule| (row.clone(), rule.clone())))
        .filter(|pair| !used.contains(pair))
        .collect();
    assert!(unused.is_empty(), "rules that no import needs: {unused:#?}");
}

#[test]
fn imports_are_found_in_every_form() {
    let code = "use crate::{a::{B, c::D}, e};\nlet x = crate::f::g::<u8>();\nuse mycrate::h;";
    let found: Vec<_> = imports(code).iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["a::B", "a::c::D", "e", "f::g"]);
}
