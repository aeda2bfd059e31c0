//! Tests that every file uses the names of generated code in `proto/names.toml`.
//!
//! `UPDATE_DOCS=1 cargo test --test it names::` writes the names into the proto files, `buf.yaml` and the
//! examples in Go and Java.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// Path of the proto package below a proto root, a Go module or a Java source directory.
const PACKAGE_PATH: &str = "imcallback/v1";
/// Name of the proto package.
const PACKAGE: &str = "imcallback.v1";

/// Returns the names. With `UPDATE_DOCS=1`, first writes them into the other files, so that no test reads stale ones.
static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let names = Names::load();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        update(&names);
    }
    names
});

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Names in `proto/names.toml`.
#[derive(Debug)]
struct Names {
    go_module: String,
    go_package: String,
    java_package: String,
    buf_module: String,
}

impl Names {
    fn load() -> Self {
        let table: toml::Table = read("proto/names.toml").parse().unwrap();
        let name = |section: &str, key: &str| table[section][key].as_str().unwrap().to_owned();
        let names = Self {
            go_module: name("go", "module"),
            go_package: name("go", "package"),
            java_package: name("java", "package"),
            buf_module: name("buf", "module"),
        };
        let (domain, _) = names.go_module.split_once('/').expect("DOMAIN/PATH");
        assert!(domain.contains('.'), "{names:?}: go fetches no module whose first part has no dot");
        let domain =
            names.java_package.strip_suffix(PACKAGE).expect("the Java package ends in the proto package");
        assert!(domain.ends_with('.'), "{names:?}: a Java package begins with a reversed domain");
        assert_eq!(names.buf_module.split('/').count(), 3, "{names:?}: REGISTRY/OWNER/REPOSITORY");
        names
    }

    fn go_import(&self) -> String {
        format!("{}/{PACKAGE_PATH}", self.go_module)
    }
}

/// Returns every text file of these directories and of the root, with its path.
fn texts() -> Vec<(String, String)> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            if !path.is_dir() {
                found.push(path);
            } else if !path.ends_with("node_modules") {
                walk(&path, found);
            }
        }
    }
    let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.is_file()).collect();
    for dir in ["deploy", "docs", "examples", "proto", "scripts"] {
        walk(&root().join(dir), &mut paths);
    }
    paths.sort();
    let name = |path: &Path| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    paths.iter().filter_map(|path| Some((name(path), fs::read_to_string(path).ok()?))).collect()
}

fn proto_files() -> Vec<String> {
    let names: Vec<_> =
        texts().into_iter().map(|(name, _)| name).filter(|name| name.ends_with(".proto")).collect();
    assert!(names.len() >= 10, "{names:?}");
    names
}

/// Replaces each line that begins with `start`.
fn with_line(text: &str, start: &str, line: &str) -> String {
    let lines = text.split('\n').map(|old| if old.starts_with(start) { line } else { old });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the text between `start` and `end` in the first line that contains both.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.lines().find_map(|line| Some(line.split_once(start)?.1.split_once(end)?.0))
}

fn update(names: &Names) {
    let write = |path: &str, text: &str| fs::write(root().join(path), text).unwrap();
    for path in proto_files() {
        let text = with_line(&read(&path), "option go_package = ", &go_option(names));
        write(&path, &with_line(&text, "option java_package = ", &java_option(names)));
    }
    write("buf.yaml", &with_line(&read("buf.yaml"), "    name: ", &buf_line(names)));

    let consumer = read("examples/go/consumer.go");
    let old_module =
        between(&consumer, "pb \"", &format!("/{PACKAGE_PATH}\"")).expect("the import of the API");
    for path in ["examples/go/consumer.go", "examples/go/go.mod", "examples/go/README.md"] {
        write(path, &read(path).replace(old_module, &names.go_module));
    }
    let consumer = read("examples/java/Consumer.java");
    let old_package = between(&consumer, "import ", ".SubscribeRequest;").expect("an import of the API");
    for path in ["examples/java/Consumer.java", "examples/java/README.md"] {
        let text = read(path).replace(old_package, &names.java_package);
        write(path, &text.replace(&path_of(old_package), &path_of(&names.java_package)));
    }
}

fn path_of(java_package: &str) -> String {
    java_package.replace('.', "/")
}

fn go_option(names: &Names) -> String {
    format!("option go_package = \"{};{}\";", names.go_import(), names.go_package)
}

fn java_option(names: &Names) -> String {
    format!("option java_package = \"{}\";", names.java_package)
}

fn buf_line(names: &Names) -> String {
    format!("    name: {}", names.buf_module)
}

/// Returns the prefix of every mention of the API's package in a text.
fn prefixes<'a>(text: &'a str, package: &str) -> Vec<&'a str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let places = text.match_indices(package).map(|(at, _)| &text[..at]);
    places.map(|before| &before[before.trim_end_matches(is_part).len()..]).collect()
}

#[test]
fn every_file_has_the_names_of_names_toml() {
    const REMEDY: &str = "run `UPDATE_DOCS=1 cargo test --test it names::`";
    let names = &*NAMES;
    for path in proto_files() {
        let text = read(&path);
        for (start, line) in
            [("option go_package", go_option(names)), ("option java_package", java_option(names))]
        {
            let lines: Vec<_> = text.lines().filter(|line| line.starts_with(start)).collect();
            assert_eq!(lines, [line], "{path}: {REMEDY}");
        }
    }
    let buf = read("buf.yaml");
    let lines: Vec<_> = buf.lines().filter(|line| line.trim_start().starts_with("name:")).collect();
    assert_eq!(lines, [buf_line(names)], "buf.yaml: {REMEDY}");

    // The Go and Java files use no other name, because they would not compile with two.
    let go_prefix = format!("{}/", names.go_module);
    let consumer = read("examples/go/consumer.go");
    assert_eq!(prefixes(&consumer, PACKAGE_PATH), [&*go_prefix], "examples/go/consumer.go: {REMEDY}");
    let java_prefix = names.java_package.strip_suffix(PACKAGE).unwrap();
    let consumer = read("examples/java/Consumer.java");
    let imports: Vec<_> = consumer.lines().filter(|line| line.starts_with("import ")).collect();
    let imports = imports.join("\n");
    let found = prefixes(&imports, PACKAGE);
    assert!(
        !found.is_empty() && found.iter().all(|prefix| *prefix == java_prefix),
        "Consumer.java: {REMEDY}"
    );

    // The steps on the pages, and the module that they create from the generated code.
    let module = &names.go_module;
    let readme = read("examples/go/README.md");
    for step in [
        format!("--go_opt=module={module} "),
        format!("--go-grpc_opt=module={module} "),
        format!("go -C gen mod init {module}\n"),
    ] {
        assert!(readme.contains(&step), "examples/go/README.md lacks `{}`: {REMEDY}", step.trim_end());
    }
    let modules = read("examples/go/go.mod");
    for line in [format!("\t{module} v0.0.0\n"), format!("replace {module} => ./gen\n")] {
        assert!(modules.contains(&line), "examples/go/go.mod lacks `{}`: {REMEDY}", line.trim());
    }
    let classes = format!(" out/{}/*.java\n", path_of(&names.java_package));
    assert!(read("examples/java/README.md").contains(&classes), "examples/java/README.md: {REMEDY}");
}

/// `./scripts/tools` compiles both examples without naming the packages: `protoc` writes its output
/// where the compilers look.
#[test]
fn the_builds_of_the_examples_take_any_name() {
    LazyLock::force(&NAMES);
    let script = read("scripts/lib/debian.sh");
    for part in [
        "--go_out=\"$dir/path/src\" ",
        "--go-grpc_out=\"$dir/path/src\" ",
        "find \"$dir/sources\" -name '*.java'",
    ] {
        assert!(script.contains(part), "scripts/lib/debian.sh lacks {part}");
    }
}

/// Finds a page, script or example that mentions the package under another name.
#[test]
fn no_file_gives_the_package_another_name() {
    let names = &*NAMES;
    let go_prefix = format!("{}/", names.go_module);
    let java_prefix = names.java_package.strip_suffix(PACKAGE).unwrap();
    let mut places = 0;
    for (path, text) in texts() {
        for prefix in prefixes(&text, PACKAGE_PATH) {
            let is_right = prefix.is_empty()
                || prefix.ends_with("proto/")
                || prefix == go_prefix
                || prefix.strip_prefix("out/") == Some(&path_of(java_prefix));
            assert!(is_right, "{path}: {prefix}{PACKAGE_PATH} is not a name of proto/names.toml");
            places += 1;
        }
        for prefix in prefixes(&text, PACKAGE) {
            // The proto package itself, in a path of HTTP/2, or in Java.
            let is_right = ["", ".", "/", java_prefix].contains(&prefix);
            assert!(is_right, "{path}: {prefix}{PACKAGE} is not a name of proto/names.toml");
            places += 1;
        }
    }
    assert!(places > 100, "{places}");
}
