//! Tests of the checks in `./scripts/test` and `./scripts/tools` for installed programs, with stand-ins.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn write_program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Copies files of this repository.
fn copy_files(to: &Path, files: &[&str]) {
    for file in files {
        fs::create_dir_all(to.join(file).parent().unwrap()).unwrap();
        fs::copy(package().join(file), to.join(file)).unwrap();
    }
}

/// Creates a directory with links to programs of PATH.
fn link_programs(bin: &Path, programs: &[&str]) {
    fs::create_dir(bin).unwrap();
    for program in programs {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|dir| dir.join(program))
            .find(|path| path.exists())
            .unwrap();
        symlink(found, bin.join(program)).unwrap();
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// PATH has only the programs that the script itself starts: no C compiler.
#[test]
fn the_tests_name_everything_that_the_machine_lacks() {
    let dir = TempDir::new().unwrap();
    let (bin, repository) = (dir.path().join("bin"), dir.path().join("repository"));
    copy_files(&repository, &["scripts/test", "Cargo.toml"]);
    link_programs(&bin, &["bash", "dirname", "sed"]);
    let lacks = |options: &[&str]| {
        let mut test = Command::new(repository.join("scripts/test"));
        let output = test.args(options).env("PATH", &bin).env_remove("CALLBACK_GATEWAY_TESTS_TOOLS").output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(!repository.join("target/tools").exists(), "nothing is installed yet");
        let said = String::from_utf8(output.stderr).unwrap();
        let lines = said.lines().filter_map(|line| line.strip_prefix("scripts/test: missing "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let compiler = "a C compiler as cc: on Debian, apt-get install gcc libc6-dev";
    let manifest = fs::read_to_string(package().join("Cargo.toml")).unwrap();
    let msrv = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'));
    let rust = format!("Rust {} or newer: install it with rustup, https://rustup.rs", msrv.unwrap());
    assert_eq!(lacks(&["--quick"]), [&*rust, compiler, "Python 3.11 or newer as python3"]);

    // A minimal toolchain, and Debian's Python without python3-venv.
    write_program(&bin.join("cargo"), "#!/bin/sh\n[ \"$*\" = --version ]\n");
    write_program(&bin.join("python3"), "#!/bin/sh\ncase $2 in *ensurepip*) exit 1 ;; esac\n");
    let mut expected = vec![
        "rustfmt: rustup component add rustfmt",
        "clippy: rustup component add clippy",
        compiler,
        "Python's modules venv, ensurepip and sqlite3: on Debian, apt-get install python3-venv",
    ];
    assert_eq!(lacks(&[]), expected);
    // Only downloaded tools need the venv.
    expected.pop();
    assert_eq!(lacks(&["--quick"]), expected);
}

/// Copy of the repository's scripts, with a separate PATH.
struct Machine {
    dir: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { dir: TempDir::new().unwrap() };
        let scripts = [
            "scripts/test",
            "scripts/tools",
            "scripts/charts",
            "scripts/lib/cargo-home.sh",
            "scripts/lib/debian.sh",
        ];
        let sources =
            ["examples/go/consumer.go", "examples/java/Consumer.java", "proto/imcallback/v1/event.proto"];
        let pins = ["Cargo.toml", "examples/python/requirements.txt", "examples/node/package-lock.json"];
        copy_files(&machine.path("repository"), &[&scripts[..], &sources, &pins].concat());
        let programs =
            ["bash", "cat", "cksum", "dirname", "getconf", "grep", "ln", "mkdir", "paste", "readlink"];
        link_programs(&machine.path("bin"), &[&programs[..], &["rm", "sed"]].concat());
        machine
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Creates a program on PATH that logs its arguments. On `--version` it first prints `version`.
    fn install(&self, name: &str, version: &str) {
        let log = self.path("log").display().to_string();
        let text = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && echo '{version}' >&2\necho {name} \"$@\" >>{log}\n"
        );
        write_program(&self.path("bin").join(name), &text);
    }

    fn run(&self, script: &str, args: &[&str]) -> Output {
        let mut command = Command::new(self.path("repository").join(script));
        command.env_clear().env("PATH", self.path("bin")).env("CARGO_HOME", self.path("cargo"));
        command.args(args).output().unwrap()
    }

    /// Returns the logged arguments of a program.
    fn calls(&self, name: &str) -> Vec<String> {
        let log = fs::read_to_string(self.path("log")).unwrap();
        log.lines().filter_map(|line| Some(line.strip_prefix(name)?.trim().to_owned())).collect()
    }
}

/// Returns the version that `./scripts/tools` wants a program to print.
fn pinned(name: &str) -> String {
    let script = fs::read_to_string(package().join("scripts/tools")).unwrap();
    let entry = format!("    [{name}]=");
    let values = script.lines().filter_map(|line| line.strip_prefix(&entry));
    values.filter(|value| value.starts_with(|char: char| char.is_ascii_digit())).collect()
}

#[test]
fn quick_downloads_nothing_and_lists_what_does_not_run() {
    let machine = Machine::new();
    for (name, version) in [
        ("cargo", ""),
        ("cc", ""),
        ("python3", ""),
        ("shellcheck", &pinned("shellcheck")),
        ("typos", "typos-cli 1.0.0"),
    ] {
        machine.install(name, version);
    }
    let output = machine.run("scripts/test", &["--quick"]);
    assert!(output.status.success(), "{output:?}");
    let told = stdout(&output);
    for not_run in [
        "tests with programs from outside Rust: NOT RUN (run ./scripts/tools nats-server envoy grpcurl python-grpc)",
        "typos: NOT RUN (run ./scripts/tools typos)",
        "buf lint and buf breaking: NOT RUN (run ./scripts/tools buf)",
        "hadolint: NOT RUN (run ./scripts/tools hadolint)",
        "cargo deny: NOT RUN (--quick)",
        "the fuzz targets' code: NOT RUN (needs a C++ compiler)",
    ] {
        assert!(told.contains(&format!("\n{not_run}\n")), "{not_run}: {told}");
    }
    // The linter on PATH has the pinned version. The spelling checker has another one.
    assert!(machine.calls("shellcheck").iter().any(|args| args.starts_with("--external-sources ")), "{told}");
    assert_eq!(machine.calls("typos"), ["--version"]);
    let downloads = |args: &String| args.starts_with("fetch") || args.starts_with("install");
    let cargo = machine.calls("cargo");
    assert!(!cargo.iter().any(downloads), "{cargo:?}");
    assert!(cargo.last().unwrap().ends_with(" --locked --features"), "no optional tests: {cargo:?}");
    assert!(!machine.calls("python3").iter().any(|args| args.contains("venv") || args.contains("pip")));
}

#[test]
fn a_tool_on_path_is_used_if_it_has_the_pinned_version() {
    let machine = Machine::new();
    let link = machine.path("repository/target/tools/bin/nats-server");
    let pinned = pinned("nats-server");
    for (version, is_pinned) in [
        (format!("nats-server: v{pinned}"), true),
        (format!("nats-server: v{pinned}0"), false),
        (format!("nats-server: v1{pinned}"), false),
        (format!("nats-server: v{pinned}-RC.1"), false),
        (format!("nats-server: v{pinned}"), true),
    ] {
        machine.install("nats-server", &version);
        let output = machine.run("scripts/tools", &["--offline", "nats-server"]);
        let expected =
            if is_pinned { link.display().to_string() } else { "missing: not installed".to_owned() };
        assert_eq!(stdout(&output), format!("{:20} {expected}\n", "nats-server"), "{version}: {output:?}");
        assert_eq!(output.status.code(), Some(i32::from(!is_pinned)), "{version}");
    }
    assert_eq!(fs::read_link(link).unwrap(), machine.path("bin/nats-server"));
    // Without names, the command succeeds after listing the rest.
    let output = machine.run("scripts/tools", &["--offline"]);
    let told = stdout(&output);
    assert!(output.status.success() && told.matches(" missing: not installed\n").count() == 14, "{output:?}");
}

/// Checks that the programs, scripts and tests in the recipes exist.
#[test]
fn the_justfile_calls_existing_programs_and_tests() {
    let justfile = fs::read_to_string(package().join("justfile")).unwrap();
    let lines = justfile.lines().filter(|line| line.starts_with("    ") && !line.contains("@just"));
    for line in lines {
        let mut words =
            line.split_whitespace().skip_while(|word| word.contains('=') || word.contains("warnings\""));
        let program = words.next().unwrap();
        assert!(program == "cargo" || package().join(program).is_file(), "{line}");
        let words: Vec<_> = words.collect();
        for pair in words.windows(2).filter(|pair| pair[0] == "--test") {
            let places = ["tests/NAME.rs", "tests/NAME/main.rs", "crates/imcallback/tests/NAME.rs"];
            let is_there = |path: &&str| package().join(path.replace("NAME", pair[1])).is_file();
            assert!(places.iter().any(is_there), "{line}");
        }
        for module in words.iter().filter_map(|word| word.strip_suffix("::")) {
            assert!(package().join(format!("tests/it/{module}.rs")).is_file(), "{line}");
        }
    }
}
