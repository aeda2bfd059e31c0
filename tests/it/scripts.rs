//! Tests of the scripts, with stand-ins for slow programs: arguments, and the empty caches of
//! `.ci/run` and `./scripts/fresh`.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::support::{package, tools::tool};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Stand-in for `./scripts/test` that prints its environment and the content of its caches.
const TELL: &str = "#!/usr/bin/env bash
env | sort
echo \"in HOME: $(ls -A \"$HOME\")\"
echo \"in CARGO_HOME: $(ls -A \"$CARGO_HOME\")\"
echo \"arguments: $*\"
";

/// Stand-in for the gateway: prints that it is ready, answers /readyz with a status, and stops on
/// SIGTERM.
const GATEWAY: &str = r#"import http.server, os, signal, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(int(os.environ["READYZ"]) if self.path == "/readyz" else 404)
        self.end_headers()
        self.close_connection = True

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("arguments:", *sys.argv[1:])
for name in ["HOME", "CARGO_HOME"]:
    print("in", name + ":", *os.listdir(os.environ[name]))
if os.environ["CALLBACK_GATEWAY_LOG_FORMAT"] == "text" and os.environ["CALLBACK_GATEWAY_ADMIN_LISTEN"] == "127.0.0.1:0":
    print(f"INFO gateway: ready http=127.0.0.1:1 grpc=127.0.0.1:2 admin=127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"#;

const README: &str = "# Title\n\n## Start\n\n```sh\n./gateway serve\n```\n\n```text\nready\n```\n\n```sh\n\
                      ./scripts/test\n```\n\n## Try it\n\n```sh\ncurl x\n```\n";

fn write_program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Directory with the scripts of this repository and stand-ins for the programs that they start.
struct Site {
    dir: TempDir,
}

impl Site {
    fn new(test: &str) -> Self {
        let site = Self { dir: TempDir::new().unwrap() };
        fs::create_dir_all(site.path("repository/scripts/lib")).unwrap();
        fs::create_dir_all(site.path("repository/.ci")).unwrap();
        for file in [".ci/run", "scripts/fresh", "scripts/lib/fresh-env.sh"] {
            fs::copy(package().join(file), site.path("repository").join(file)).unwrap();
        }
        write_program(&site.path("repository/scripts/test"), test);
        // Directory for temporary directories, and a home with caches.
        fs::create_dir(site.path("tmp")).unwrap();
        fs::create_dir_all(site.path("home/.cargo/registry")).unwrap();
        site
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Returns a command for a script of the repository, with this directory's home.
    fn command(&self, script: &str) -> Command {
        let mut command = Command::new(self.path("repository").join(script));
        command.env("HOME", self.path("home")).env("TMPDIR", self.path("tmp"));
        for name in ["CARGO_HOME", "RUSTUP_HOME", "PYENV_ROOT", "XDG_CONFIG_HOME", "PIP_CONFIG_FILE"] {
            command.env_remove(name);
        }
        command.env_remove("npm_config_userconfig").env_remove("NPM_CONFIG_USERCONFIG");
        command
    }

    /// Commits everything, because ./scripts/fresh clones the last commit.
    fn commit(&self) {
        for args in [&["init", "--quiet"][..], &["add", "."], &["commit", "--quiet", "--message", "first"]] {
            let mut git = Command::new("git");
            git.args(["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgSign=false"]);
            let output = git.args(args).current_dir(self.path("repository")).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
    }

    #[track_caller]
    fn assert_nothing_is_left(&self) {
        let left: Vec<_> =
            fs::read_dir(self.path("tmp")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Returns the value of a variable in the stand-in's output.
fn variable<'a>(told: &'a str, name: &str) -> Option<&'a str> {
    told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

#[test]
fn every_script_has_help_and_rejects_unknown_arguments() {
    let mut seen = 0;
    for entry in fs::read_dir(package().join("scripts")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // argparse has a different form and exit code.
        let is_python = fs::read_to_string(&path).unwrap().starts_with("#!/usr/bin/env python3\n");
        let (usage, code) = if is_python { ("usage: ", 2) } else { ("Usage: ./scripts/", 64) };
        for help in ["-h", "--help"] {
            let output = Command::new(&path).arg(help).output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{name}: {output:?}");
            let said = stdout(&output);
            assert!(said.starts_with(&format!("{usage}{name}")), "{name}: {said}");
            assert!(said.lines().all(|line| line.chars().count() < 100), "{name}: {said}");
        }
        let output = Command::new(&path).arg("--no-such-option").output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{name}: {output:?}");
        assert!(
            stderr(&output).contains("--no-such-option") && output.stdout.is_empty(),
            "{name}: {output:?}"
        );
        seen += 1;
    }
    assert!(seen >= 9, "{seen}");
}

#[test]
fn ci_starts_the_tests_with_empty_caches() {
    let site = Site::new(&format!("{TELL}echo last\nexit 7\n"));
    let kept = ["PATH", "PIP_INDEX_URL"];
    let cleared =
        ["CARGO_TARGET_DIR", "RUSTC_WRAPPER", "XDG_CACHE_HOME", "PIP_CACHE_DIR", "GOPATH", "GOFLAGS"];
    let output = site
        .command(".ci/run")
        .envs(cleared.map(|name| (name, "/warm")))
        .env("CARGO_HOME", site.path("home/.cargo"))
        .env("PIP_INDEX_URL", "https://pypi.example")
        .output()
        .unwrap();
    let told = stdout(&output);
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert!(output.stderr.is_empty() && told.ends_with("arguments: \nlast\n"), "{output:?}");
    for name in ["HOME", "CARGO_HOME", "CALLBACK_GATEWAY_TESTS_TOOLS"] {
        let path = Path::new(variable(&told, name).expect(name));
        assert!(path.starts_with(site.path("tmp")) && !path.exists(), "{name}: {}", path.display());
    }
    assert!(told.contains("\nin HOME: \nin CARGO_HOME: \n"), "{told}");
    assert_eq!(cleared.map(|name| variable(&told, name)), [None; 6]);
    assert!(kept.iter().all(|name| variable(&told, name).is_some()), "{told}");
    // This home has no toolchains.
    assert_eq!(["RUSTUP_HOME", "PYENV_ROOT"].map(|name| variable(&told, name)), [None; 2]);
    site.assert_nothing_is_left();
}

#[test]
fn ci_keeps_toolchains_and_registries() {
    let site = Site::new(&format!("{TELL}cat \"$CARGO_HOME/config.toml\" \"$PIP_CONFIG_FILE\"\n"));
    let home = |path: &str| site.path("home").join(path);
    for dir in [".rustup", ".pyenv", ".pip", ".config/pip"] {
        fs::create_dir_all(home(dir)).unwrap();
    }
    for (file, text) in [
        (".cargo/config.toml", "[net]\nretry = 7\n"),
        (".npmrc", "registry=https://npm.example/\n"),
        (".pip/pip.conf", "old\n"),
        (".config/pip/pip.conf", "new\n"),
    ] {
        fs::write(home(file), text).unwrap();
    }
    let told = stdout(&site.command(".ci/run").output().unwrap());
    for (name, path) in
        [("RUSTUP_HOME", ".rustup"), ("PYENV_ROOT", ".pyenv"), ("npm_config_userconfig", ".npmrc")]
    {
        assert_eq!(variable(&told, name), home(path).to_str(), "{name}");
    }
    assert!(told.contains("\nin CARGO_HOME: config.toml\n"), "{told}");
    assert!(told.ends_with("[net]\nretry = 7\nnew\n"), "{told}");

    // Directories that the user's environment sets are not replaced.
    let mut named = site.command(".ci/run");
    named.env("RUSTUP_HOME", "/rustup").env("PYENV_ROOT", "/pyenv").env("NPM_CONFIG_USERCONFIG", "/npmrc");
    let told = stdout(&named.env("PIP_CONFIG_FILE", "/dev/null").output().unwrap());
    for (name, value) in
        [("RUSTUP_HOME", "/rustup"), ("PYENV_ROOT", "/pyenv"), ("PIP_CONFIG_FILE", "/dev/null")]
    {
        assert_eq!(variable(&told, name), Some(value), "{name}");
    }
    assert_eq!(variable(&told, "npm_config_userconfig"), None);
}

/// Sends each signal while a grandchild holds the output open.
#[test]
fn a_signal_stops_the_tests_and_removes_the_caches() {
    let site = Site::new(
        "#!/usr/bin/env bash\ntouch \"$HOME/file\"\nbash -c 'echo started; exec sleep 1000'\necho not reached\n",
    );
    for (signal, code) in [(Signal::HUP, 129), (Signal::INT, 130), (Signal::TERM, 143)] {
        let mut child = site.command(".ci/run").stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "started\n");
        kill_process(Pid::from_child(&child), signal).unwrap();
        // The output ends once no process is left that could write to it.
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        assert_eq!(child.wait().unwrap().code(), Some(code));
        site.assert_nothing_is_left();
    }
}

#[test]
fn fresh_runs_both_commands_of_the_readme_in_a_clone() {
    let steps = "echo '100 first part' >>\"$CALLBACK_GATEWAY_TESTS_STEPS\"\n\
                 echo '175 second part' >>\"$CALLBACK_GATEWAY_TESTS_STEPS\"\n";
    let site = Site::new(&format!("{TELL}{steps}exit \"$CODE\"\n"));
    fs::write(site.path("repository/README.md"), README).unwrap();
    // The python3 of PATH may be pyenv's, which searches for versions in HOME.
    let python = tool("bin/python3");
    write_program(&site.path("repository/gateway"), &format!("#!{}\n{GATEWAY}", python.display()));
    site.commit();
    fs::write(site.path("repository/uncommitted"), "").unwrap();
    for (args, readyz, code) in [(&["--quick"][..], "200", "0"), (&[], "200", "5"), (&[], "503", "0")] {
        let output =
            site.command("scripts/fresh").args(args).env("READYZ", readyz).env("CODE", code).output();
        let output = output.unwrap();
        let told = stdout(&output);
        let (gateway, rest) = told.split_once("\n/readyz: ").expect(&told);
        assert!(gateway.contains("\narguments: serve\nin HOME:\nin CARGO_HOME:\n"), "{told}");
        assert!(rest.starts_with(&format!("HTTP/1.1 {readyz} ")), "{told}");
        let (rest, table) = rest.split_once("\n\nstep ").expect(&told);
        let rows: Vec<_> = table.lines().skip(1).map(|line| line.rsplit_once(' ').expect(line)).collect();
        let row = |name: &str| rows.iter().find(|(of, _)| of.trim_end() == name).map(|(_, time)| *time);
        assert!(["git clone", "./gateway serve", "total"].iter().all(|name| row(name).is_some()), "{table}");
        site.assert_nothing_is_left();
        if readyz != "200" {
            assert_eq!((output.status.code(), row("stop the gateway")), (Some(1), None), "{told}");
            assert!(!rest.contains("in HOME"), "the tests do not run: {told}");
            continue;
        }
        assert_eq!(output.status.code(), Some(code.parse().unwrap()), "{output:?}");
        assert!(
            rest.contains(&format!("\nin HOME: \nin CARGO_HOME: \narguments: {}", args.join(" "))),
            "{told}"
        );
        assert_eq!(variable(rest, "CALLBACK_GATEWAY_TESTS_TOOLS"), None);
        assert!(Path::new(variable(rest, "PWD").unwrap()).starts_with(site.path("tmp")), "{told}");
        assert_eq!(row("  first part"), Some("1:15"), "{table}");
        assert!(row("  second part").is_some() && row("stop the gateway").is_some(), "{table}");
        let test = format!("./scripts/test {}", args.join(" "));
        assert!(row(test.trim_end()).is_some(), "{table}");
    }

    fs::write(site.path("repository/README.md"), README.replace("./scripts/test", "./scripts/else")).unwrap();
    let output = site.command("scripts/fresh").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("README.md"), "{output:?}");
}

/// ./scripts/fresh finds the commands on the real page.
#[test]
fn the_readme_starts_with_two_commands() {
    let site = Site::new(TELL);
    fs::copy(package().join("README.md"), site.path("repository/README.md")).unwrap();
    // Not a repository: the script fails at the clone, after reading the page.
    let output = site.command("scripts/fresh").env("GIT_CEILING_DIRECTORIES", "/").output().unwrap();
    assert!(stdout(&output).ends_with("==> git clone\n"), "{output:?}");
    assert!(!output.status.success() && !stderr(&output).contains("README.md"), "{output:?}");
    site.assert_nothing_is_left();
}
