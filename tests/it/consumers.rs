//! Runs the consumers in `examples/` as real programs. Each writes every pair of new friends exactly
//! once: after any end of its stream, beside a replica, and when it is killed at any moment.
//!
//! A language that is not installed is skipped if `./scripts/test` names it in
//! CALLBACK_GATEWAY_TESTS_WITHOUT.

use std::{
    fs,
    io::BufRead as _,
    net::SocketAddr,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use crate::support::python::Python;
use crate::support::{
    child::Running,
    tools::{tool, tools},
    *,
};
use callback_gateway::config::Settings;
#[cfg(feature = "slow-tests")]
use callback_gateway::testing::event::Cursor;
use imcallback::{
    ListSubscribersRequest, SubscriberState, SubscriberStatus, admin_service_client::AdminServiceClient,
};
use rusqlite::{Connection, OpenFlags, types::FromSql};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tempfile::TempDir;
use tokio::{sync::mpsc, time::sleep};

/// Interval between looks at the database of a consumer.
const LOOK: Duration = Duration::from_millis(50);

/// Returns the command of a consumer for a gateway's address and a database.
type Start = dyn Fn(SocketAddr, &Path) -> Command + Send + Sync;

/// Language of a consumer, and how its program is started.
struct Language {
    name: &'static str,
    start: Box<Start>,
}

/// Returns all languages that are installed.
fn languages(dir: &Path) -> Vec<Arc<Language>> {
    let python = Python::new();
    let rust = rust();
    let mut languages = vec![
        Language {
            name: "rust",
            start: Box::new(move |gateway, database| {
                let mut command = Command::new(&rust);
                command.arg(format!("http://{gateway}")).arg(database);
                command
            }),
        },
        Language {
            name: "python",
            start: Box::new(move |gateway, database| {
                let mut command = python.program("examples/python/consumer.py");
                command.arg(gateway.to_string()).arg(database);
                command
            }),
        },
    ];
    if !is_without("node") {
        languages.push(node(dir));
    }
    if !is_without("go") {
        languages.push(go());
    }
    if !is_without("java") {
        languages.push(java());
    }
    languages.into_iter().map(Arc::new).collect()
}

fn rust() -> PathBuf {
    let rust = Path::new(env!("CARGO_BIN_EXE_callback-gateway")).with_file_name("examples").join("consumer");
    assert!(rust.exists(), "no {}: build the examples too", rust.display());
    rust
}

fn go() -> Language {
    let program = tool("bin/consumer-go");
    Language {
        name: "go",
        start: Box::new(move |gateway, database| {
            let mut command = Command::new(&program);
            command.arg(gateway.to_string()).arg(database);
            command
        }),
    }
}

fn java() -> Language {
    let dir = tool("java");
    Language {
        name: "java",
        start: Box::new(move |gateway, database| {
            let dir = dir.display();
            let mut command = Command::new("java");
            command.arg(format!("-Djava.library.path={dir}/jni"));
            // This shortens the start, and many may start.
            command.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]);
            command.args(["-cp", &format!("{dir}/classes:{dir}/jars/*"), "Consumer"]);
            command.arg(gateway.to_string()).arg(database);
            command
        }),
    }
}

fn node(dir: &Path) -> Language {
    let node = tool("bin/node");
    // The script is placed beside its imports, with the files of proto/ where it looks for them.
    let home = dir.join("examples/node");
    fs::create_dir_all(&home).unwrap();
    for name in ["consumer.js", "package.json"] {
        fs::copy(package().join("examples/node").join(name), home.join(name)).unwrap();
    }
    symlink(tool("node/node_modules"), home.join("node_modules")).unwrap();
    symlink(package().join("proto"), dir.join("proto")).unwrap();
    Language {
        name: "node",
        start: Box::new(move |gateway, database| {
            let mut command = Command::new(&node);
            command.arg(home.join("consumer.js")).arg(gateway.to_string()).arg(database);
            command
        }),
    }
}

/// Returns the consumer as its README starts it. `./scripts/test` has already run the commands that
/// download or compile. The rest runs as written.
fn as_its_readme_says(name: &'static str, dir: &Path) -> Language {
    const DONE: [&str; 9] = [
        "python3 -m venv ",
        "venv/bin/pip install ",
        "npm ci",
        "cp REPOSITORY/",
        "protoc -I ",
        "go install ",
        "go -C gen mod init ",
        "go mod tidy",
        "javac ",
    ];
    let readme = fs::read_to_string(package().join(format!("examples/{name}/README.md"))).unwrap();
    let (_, block) = readme.split_once("```console\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let mut lines: Vec<_> = block.lines().map(|line| line.strip_prefix("$ ").expect(line)).collect();
    for path in lines.iter().flat_map(|line| line.split_whitespace()) {
        let path = path.trim_start_matches("REPOSITORY/");
        assert!(!path.starts_with("examples/") || package().join(path).exists(), "{name}: {path}");
    }
    let home = if name == "node" { dir.join("examples/node") } else { dir.to_owned() };
    let shell = move |line: &str| {
        let mut shell = Command::new("sh");
        // The shell is replaced by the program, so killing the shell kills the program.
        shell.args(["-c", &format!("exec env {line}")]).current_dir(&home);
        shell
    };
    let start = lines.pop().unwrap();
    for line in lines.into_iter().filter(|line| !DONE.iter().any(|done| line.starts_with(done))) {
        assert!(shell(line).status().unwrap().success(), "{name}: {line}");
    }
    let (written, program) = match name {
        "rust" => ("cargo run --locked --release --example consumer --", rust().display().to_string()),
        "node" => ("node", tool("bin/node").display().to_string()),
        "go" => ("go run .", tool("bin/consumer-go").display().to_string()),
        "java" => ("java", format!("java -Djava.library.path={}", tool("java/jni").display())),
        _ => ("PYTHONPATH=stubs", "PYTHONPATH=stubs".to_owned()),
    };
    let rest = start.strip_prefix(written).unwrap_or_else(|| panic!("{name}: {start}"));
    let start = format!("{program}{rest}");
    for default in ["127.0.0.1:50051", "friends.db"] {
        assert!(start.contains(default), "{name}: {start}");
    }
    Language {
        name,
        start: Box::new(move |gateway, database| {
            let start = start.replace("127.0.0.1:50051", &gateway.to_string());
            shell(&start.replace("friends.db", database.to_str().unwrap()))
        }),
    }
}

/// Database of a consumer.
#[derive(Clone)]
struct Database(PathBuf);

impl Database {
    fn connection(&self) -> Connection {
        let connection = Connection::open(&self.0).unwrap();
        connection.busy_timeout(HANG).unwrap();
        connection
    }

    /// Returns the first column of a query's result. Returns nothing until the tables exist.
    fn column<T: FromSql>(&self, sql: &str) -> Vec<T> {
        let Ok(connection) = Connection::open_with_flags(&self.0, OpenFlags::SQLITE_OPEN_READ_ONLY) else {
            return Vec::new();
        };
        connection.busy_timeout(HANG).unwrap();
        let Ok(mut query) = connection.prepare(sql) else { return Vec::new() };
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// Returns the pairs of friends, in the order of the rows.
    fn pairs(&self) -> Vec<String> {
        self.column("SELECT from_account || ' ' || to_account FROM pair ORDER BY rowid")
    }

    fn cursor(&self) -> Option<String> {
        self.column("SELECT cursor FROM position").pop()
    }
}

struct Consumer {
    language: Arc<Language>,
    database: Database,
    running: Running,
    lines: mpsc::UnboundedReceiver<String>,
    /// Output so far.
    said: Vec<String>,
}

impl Consumer {
    fn start(language: &Arc<Language>, gateway: SocketAddr, database: &Database) -> Self {
        let mut command = (language.start)(gateway, &database.0);
        let mut running = Running(command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        let stderr = std::io::BufReader::new(running.0.stderr.take().unwrap());
        let (sender, lines) = mpsc::unbounded_channel();
        // The task ends with the program.
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { language: Arc::clone(language), database: database.clone(), running, lines, said: Vec::new() }
    }

    /// Waits until the program prints this, or ends with this message.
    async fn says(&mut self, part: &str) {
        let said = async {
            loop {
                let line = self.lines.recv().await;
                let line = line.unwrap_or_else(|| {
                    panic!("{} ended; its output was {:#?}", self.language.name, self.said)
                });
                self.said.push(line.clone());
                if line.contains(part) {
                    return;
                }
            }
        };
        if tokio::time::timeout(HANG, said).await.is_err() {
            panic!("{} does not print {part}; its output is {:#?}", self.language.name, self.said);
        }
    }

    /// Waits until the database fulfils the condition.
    async fn writes(&self, what: impl Fn(&Database) -> bool) {
        let written = async {
            while !what(&self.database) {
                sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(HANG, written).await.is_err() {
            let Self { language, database, said, .. } = self;
            let pairs = database.pairs();
            let last = &pairs[pairs.len().saturating_sub(10)..];
            panic!(
                "{} has written {} pairs, the last one {last:?}; its output is {said:#?}",
                language.name,
                pairs.len()
            );
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.running.0), signal).unwrap();
    }

    /// Stops it while it holds no lock on the database. The connection that is passed holds the lock
    /// until now.
    fn halt(&self, lock: &Connection) {
        lock.execute_batch("ROLLBACK; BEGIN EXCLUSIVE").unwrap();
        self.signal(Signal::STOP);
        // Wait until all of its threads have stopped.
        waitpid(Some(Pid::from_child(&self.running.0)), WaitOptions::UNTRACED).unwrap();
    }

    /// Kills it, as in a crash.
    fn kill(&mut self) {
        self.running.0.kill().unwrap();
        self.running.0.wait().unwrap();
    }

    async fn ended(mut self) -> ExitStatus {
        soon(async {
            loop {
                if let Some(status) = self.running.0.try_wait().unwrap() {
                    return status;
                }
                sleep(LOOK).await;
            }
        })
        .await
    }
}

/// Fixed ports and directories for a gateway and a consumer in each language, across restarts.
struct Site {
    dir: TempDir,
    languages: Vec<Arc<Language>>,
}

impl Site {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let languages = languages(dir.path());
        Self { dir, languages }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn database(&self, language: &Language) -> Database {
        Database(self.dir.path().join(format!("{}.db", language.name)))
    }

    fn consumers(&self, gateway: SocketAddr) -> Vec<Consumer> {
        let start = |language: &Arc<Language>| Consumer::start(language, gateway, &self.database(language));
        self.languages.iter().map(start).collect()
    }

    async fn gateway(&self, grpc: Option<SocketAddr>, change: impl FnOnce(&mut Settings)) -> Gateway {
        Gateway::start_in_with(&self.data(), |settings| {
            settings.grpc_listen = grpc.unwrap_or(settings.grpc_listen);
            settings.drain_delay = Duration::ZERO;
            change(settings);
        })
        .await
    }
}

/// Returns whether the stream of this subscriber is open.
fn is_open(subscriber: &SubscriberStatus) -> bool {
    subscriber.state() != SubscriberState::Ended
}

/// Waits until the gateway lists such subscribers.
async fn until_subscribers(gateway: SocketAddr, are: impl Fn(&[SubscriberStatus]) -> bool) {
    let mut admin = soon(AdminServiceClient::connect(format!("http://{gateway}"))).await.unwrap();
    soon(async {
        loop {
            let list = admin.list_subscribers(ListSubscribersRequest::default()).await.unwrap().into_inner();
            if are(&list.subscribers) {
                return;
            }
            sleep(LOOK).await;
        }
    })
    .await;
}

async fn all_say(consumers: &mut [Consumer], part: &str) {
    for consumer in consumers {
        consumer.says(part).await;
    }
}

/// Waits until each consumer has written exactly these friends of alice.
async fn all_write(consumers: &[Consumer], friends: &[u32]) {
    let expected: Vec<String> = friends.iter().map(|n| format!("alice {n}")).collect();
    for consumer in consumers {
        consumer.writes(|database| database.pairs().len() >= expected.len()).await;
        assert_eq!(consumer.database.pairs(), expected, "{}", consumer.language.name);
    }
}

const FRIEND: &str = "Sns.CallbackFriendAdd";

/// Returns a callback body with new friends of alice.
fn friends(names: impl IntoIterator<Item = u32>) -> String {
    let pairs: Vec<_> = names
        .into_iter()
        .map(|name| serde_json::json!({ "From_Account": "alice", "To_Account": name.to_string() }))
        .collect();
    serde_json::json!({ "PairList": pairs }).to_string()
}

async fn post(gateway: SocketAddr, names: impl IntoIterator<Item = u32>) {
    let mut http = Http::connect(gateway).await;
    for name in names {
        assert!(http.post(FRIEND, &friends([name])).await.is_stored());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn they_start_as_their_readmes_say() {
    // README.md starts the consumer in Rust in the same way as its own README.
    let line = "\n$ cargo run --locked --release --example consumer -- http://127.0.0.1:50051 friends.db";
    for page in ["README.md", "examples/rust/README.md"] {
        assert!(fs::read_to_string(package().join(page)).unwrap().contains(line), "{page}");
    }
    let mut site = Site::new();
    let dir = site.dir.path();
    fs::create_dir_all(dir.join("examples")).unwrap();
    for name in ["proto", "examples/python"] {
        if !dir.join(name).exists() {
            symlink(package().join(name), dir.join(name)).unwrap();
        }
    }
    // Under the client names of the READMEs.
    for (name, of) in [("venv", ""), ("out", "java/classes"), ("jars", "java/jars")] {
        symlink(tools().join(of), dir.join(name)).unwrap();
    }
    let languages = site.languages.iter().map(|language| Arc::new(as_its_readme_says(language.name, dir)));
    site.languages = languages.collect();
    let gateway = site.gateway(None, |_| {}).await;
    let consumers = site.consumers(gateway.addresses.grpc);
    post(gateway.addresses.http, 1..=3).await;
    all_write(&consumers, &[1, 2, 3]).await;
    gateway.stop().await;
}

/// Runs the session of README.md, with rusqlite in place of `sqlite3`.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_one_works_as_the_readme_shows() {
    let readme = fs::read_to_string(package().join("README.md")).unwrap();
    let (_, session) =
        readme.split_once("```console\n$ cargo run ").expect("README.md shows a session with consumers");
    let mut lines = session.split_once("```").unwrap().0.lines();
    let mut next = || lines.next().unwrap();
    assert!(
        next().ends_with("friends.db &") && next().ends_with("friends.db &"),
        "the session starts two consumers"
    );
    let send = next().strip_prefix("$ callback-gateway ").expect("the session posts a callback");
    let (answer, said) = (next(), next());
    let query =
        next().strip_prefix("$ sqlite3 friends.db ").expect("the session runs a query").trim_matches('\'');
    let shown: Vec<_> = lines.map(|row| row.split_once('|').unwrap().1).collect();

    let dir = TempDir::new().unwrap();
    let gateway = Gateway::start_in(&dir.path().join("data")).await;
    assert!(
        gateway
            .post(FRIEND, r#"{"PairList":[{"From_Account":"alice","To_Account":"bob"}]}"#)
            .await
            .is_stored()
    );
    let rust = Arc::new(as_its_readme_says("rust", dir.path()));
    let database = Database(dir.path().join("friends.db"));
    let mut replicas = [(); 2].map(|()| Consumer::start(&rust, gateway.addresses.grpc, &database));
    replicas[0].writes(|database| database.pairs().len() == 1).await;
    // A consumer that starts later has nothing to do and prints nothing.
    until_subscribers(gateway.addresses.grpc, |subscribers| subscribers.len() == 2).await;
    let url = format!("http://{}/", gateway.addresses.http);
    let output = program().args(send.split(' ')).args(["--url", &url]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), answer);
    let [first, second] = &mut replicas;
    tokio::select! {
        () = first.says(said) => {}
        () = second.says(said) => {}
    }
    first.writes(|database| database.pairs().len() >= shown.len()).await;
    let columns = format!("SELECT pair || '|' || from_account || '|' || to_account FROM ({query})");
    assert_eq!(database.column::<String>(&columns), shown);
    drop(replicas);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn they_resume_where_they_were_over_restarts_on_both_sides_and_keep_what_has_no_type() {
    let site = Site::new();
    let gateway = site.gateway(None, |_| {}).await;
    let grpc = gateway.addresses.grpc;
    let mut consumers = site.consumers(grpc);
    // A position is stored before the first event.
    for consumer in &consumers {
        consumer.writes(|database| database.cursor().is_some_and(|cursor| !cursor.is_empty())).await;
    }
    assert!(gateway.post(FRIEND, &friends([1, 2, 3])).await.is_stored());
    // Without a payload, with part of a payload, and not valid UTF-8.
    let wrong: [&[u8]; 3] =
        [br#"{"PairList":"none"}"#, br#"{"PairList":[{"From_Account":"a","To_Account":{}}]}"#, b"{\xff"];
    let mut http = Http::connect(gateway.addresses.http).await;
    for body in wrong {
        let (query, length) = (query(FRIEND), body.len());
        let head = format!("POST /?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        http.send([head.as_bytes(), body].concat()).await;
        assert!(http.answer().await.is_stored());
    }
    post(gateway.addresses.http, 4..=10).await;
    all_write(&consumers, &Vec::from_iter(1..=10)).await;
    gateway.stop().await;
    all_say(&mut consumers, "SHUTTING_DOWN").await;

    let gateway = site.gateway(Some(grpc), |_| {}).await;
    post(gateway.addresses.http, 11..=15).await;
    all_write(&consumers, &Vec::from_iter(1..=15)).await;
    consumers.iter_mut().for_each(Consumer::kill);
    post(gateway.addresses.http, 16..=20).await;
    let consumers = site.consumers(grpc);
    all_write(&consumers, &Vec::from_iter(1..=20)).await;
    for consumer in &consumers {
        let kept = consumer.database.column::<Vec<u8>>("SELECT body FROM untyped ORDER BY rowid");
        assert_eq!(kept, wrong);
        assert_eq!(
            consumer.database.column::<u32>("SELECT pair FROM pair ORDER BY rowid LIMIT 3"),
            [0, 1, 2]
        );
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn they_record_gaps_and_continue_with_the_remaining_events() {
    let site = Site::new();
    let gateway = site.gateway(None, |settings| settings.retention_count = Some(10)).await;
    let mut consumers = site.consumers(gateway.addresses.grpc);
    post(gateway.addresses.http, [1]).await;
    all_write(&consumers, &[1]).await;
    consumers.iter_mut().for_each(Consumer::kill);
    post(gateway.addresses.http, 2..=100).await;
    let mut client = gateway.client().await;
    soon(async { while all_events(&mut client).await.len() != 10 {} }).await;

    let mut consumers = site.consumers(gateway.addresses.grpc);
    all_say(&mut consumers, "events 2 to 90 are gone").await;
    all_write(&consumers, &Vec::from_iter([1].into_iter().chain(91..=100))).await;
    for consumer in &consumers {
        assert_eq!(consumer.database.column::<u32>("SELECT last_missing FROM gap"), [90]);
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn they_go_on_with_another_log_and_with_one_that_went_back() {
    let site = Site::new();
    let gateway = site.gateway(None, |_| {}).await;
    let grpc = gateway.addresses.grpc;
    post(gateway.addresses.http, 1..=3).await;
    gateway.stop().await;
    // Create a backup, which is restored while the consumers run.
    let backup = site.dir.path().join("backup");
    fs::create_dir(&backup).unwrap();
    fs::copy(site.data().join("events.db"), backup.join("events.db")).unwrap();
    let gateway = site.gateway(Some(grpc), |_| {}).await;
    let mut consumers = site.consumers(grpc);
    post(gateway.addresses.http, 4..=6).await;
    all_write(&consumers, &Vec::from_iter(1..=6)).await;
    gateway.stop().await;
    fs::remove_dir_all(site.data()).unwrap();
    fs::rename(backup, site.data()).unwrap();
    let gateway = site.gateway(Some(grpc), |_| {}).await;
    post(gateway.addresses.http, [7]).await;
    all_say(&mut consumers, "LOG_REWOUND").await;
    all_write(&consumers, &Vec::from_iter(1..=7)).await;
    gateway.stop().await;

    fs::remove_dir_all(site.data()).unwrap();
    let gateway = site.gateway(Some(grpc), |_| {}).await;
    post(gateway.addresses.http, [8]).await;
    all_say(&mut consumers, "LOG_REPLACED").await;
    all_write(&consumers, &Vec::from_iter(1..=8)).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_comes_late_to_another_log_does_not_move_the_cursor_back() {
    let site = Site::new();
    let gateway = site.gateway(None, |_| {}).await;
    let grpc = gateway.addresses.grpc;
    let consumers = site.consumers(grpc);
    post(gateway.addresses.http, 1..=3).await;
    all_write(&consumers, &[1, 2, 3]).await;
    drop(consumers);
    gateway.stop().await;
    fs::remove_dir_all(site.data()).unwrap();

    let gateway = site.gateway(Some(grpc), |_| {}).await;
    let mut late = Vec::new();
    for language in &site.languages {
        let database = site.database(language);
        watch(&database);
        let mut consumer = Consumer::start(language, grpc, &database);
        consumer.says("LOG_REPLACED").await;
        // From now on the late replica can read the position but not move it. If it has already moved
        // it, its cursor will still be outdated later.
        let lock = consumer.database.connection();
        lock.execute_batch("BEGIN IMMEDIATE").unwrap();
        // It has a stream again, which starts at the position that it read.
        let name = format!("friends-{}", language.name);
        until_subscribers(grpc, |all| all.iter().any(|one| one.name == name && is_open(one))).await;
        consumer.halt(&lock);
        late.push(consumer);
    }
    post(gateway.addresses.http, 4..=6).await;
    let consumers = site.consumers(grpc);
    all_write(&consumers, &Vec::from_iter(1..=6)).await;
    late.iter().for_each(|consumer| consumer.signal(Signal::CONT));
    all_say(&mut late, "another replica is at work").await;
    post(gateway.addresses.http, [7]).await;
    all_write(&consumers, &Vec::from_iter(1..=7)).await;
    for Consumer { language, database, .. } in &consumers {
        assert_eq!(database.column::<u32>("SELECT count(*) FROM attempt"), [4], "{}", language.name);
        let twice = "SELECT new FROM step GROUP BY new HAVING count(*) > 1";
        assert_eq!(database.column::<String>(twice), [""; 0], "{}", language.name);
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn they_go_on_behind_a_damaged_event_and_over_a_gateway_that_is_killed() {
    let site = Site::new();
    let gateway = site.gateway(None, |_| {}).await;
    post(gateway.addresses.http, 1..=5).await;
    gateway.stop().await;
    let store = Connection::open(site.data().join("events.db")).unwrap();
    store.execute("UPDATE record SET record = x'00' WHERE sequence = 3", []).unwrap();
    store.close().unwrap();

    let gateway = Process::serve(&site.data(), &[]);
    let addresses = gateway.addresses;
    let mut consumers = site.consumers(addresses.grpc);
    all_say(&mut consumers, "events 3 to 3 are gone").await;
    all_write(&consumers, &[1, 2, 4, 5]).await;
    gateway.kill();
    let gateway = site.gateway(Some(addresses.grpc), |_| {}).await;
    post(gateway.addresses.http, [6]).await;
    all_write(&consumers, &[1, 2, 4, 5, 6]).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_retries_cannot_fix_end_them() {
    let site = Site::new();
    let gateway = site.gateway(None, |_| {}).await;
    let mut consumers = site.consumers(gateway.addresses.grpc);
    post(gateway.addresses.http, [1]).await;
    all_write(&consumers, &[1]).await;
    for consumer in &mut consumers {
        consumer.kill();
        let database = consumer.database.connection();
        assert_eq!(database.execute("UPDATE position SET cursor = 'rubbish'", []).unwrap(), 1);
    }
    for mut consumer in site.consumers(gateway.addresses.grpc) {
        consumer.says("INVALID_CURSOR").await;
        assert!(!consumer.ended().await.success());
    }
    gateway.stop().await;
}

/// The gateway asks clients to wait ten seconds when it has reached its stream limit.
#[cfg(feature = "slow-tests")]
#[tokio::test(flavor = "multi_thread")]
async fn they_resume_after_the_age_limit_and_the_stream_limit() {
    let site = Site::new();
    let count = site.languages.len();
    let gateway = site.gateway(None, |settings| settings.max_streams = count).await;
    let grpc = gateway.addresses.grpc;
    let mut client = gateway.client().await;
    let mut places = Vec::new();
    for _ in 0..count {
        places.push(Subscriber::open(&mut client, latest()).await.unwrap());
    }
    let mut consumers = site.consumers(grpc);
    all_say(&mut consumers, "TOO_MANY_STREAMS").await;
    drop(places);
    post(gateway.addresses.http, 1..=3).await;
    all_write(&consumers, &[1, 2, 3]).await;
    gateway.stop().await;

    let gateway = site.gateway(Some(grpc), |settings| settings.max_stream_age = Duration::from_secs(1)).await;
    all_say(&mut consumers, "STREAM_AGE_REACHED").await;
    post(gateway.addresses.http, 4..=6).await;
    all_write(&consumers, &[1, 2, 3, 4, 5, 6]).await;
    gateway.stop().await;
}

#[cfg(feature = "slow-tests")]
#[tokio::test(flavor = "multi_thread")]
async fn they_resume_after_the_stall_timeout() {
    let site = Site::new();
    let gateway = site.gateway(None, |settings| settings.stall_timeout = Duration::from_secs(1)).await;
    let mut consumers = site.consumers(gateway.addresses.grpc);
    post(gateway.addresses.http, [1]).await;
    all_write(&consumers, &[1]).await;
    consumers.iter().for_each(|consumer| consumer.signal(Signal::STOP));
    let long = "x".repeat(500_000);
    let mut http = Http::connect(gateway.addresses.http).await;
    for n in 2..=100 {
        let body = friends([n]).replacen('{', &format!("{{\"ClientCmd\":\"{long}\","), 1);
        assert!(http.post(FRIEND, &body).await.is_stored());
    }
    let is_stalled = |one: &&SubscriberStatus| !is_open(one) && one.end_reason == "RECEIVER_STALLED";
    let count = consumers.len();
    until_subscribers(gateway.addresses.grpc, |all| all.iter().filter(is_stalled).count() == count).await;
    consumers.iter().for_each(|consumer| consumer.signal(Signal::CONT));
    all_say(&mut consumers, "RECEIVER_STALLED").await;
    all_write(&consumers, &Vec::from_iter(1..=100)).await;
    gateway.stop().await;
}

/// Creates triggers that record each insert and each step of the position from now on.
fn watch(database: &Database) {
    let sql = "
        CREATE TABLE attempt (cursor TEXT, pair INTEGER);
        CREATE TABLE step (old TEXT, new TEXT);
        CREATE TRIGGER inserts BEFORE INSERT ON pair BEGIN
            INSERT INTO attempt VALUES (new.cursor, new.pair);
        END;
        CREATE TRIGGER steps AFTER UPDATE ON position BEGIN
            INSERT INTO step VALUES (old.cursor, new.cursor);
        END;";
    database.connection().execute_batch(sql).unwrap();
}

/// Returns a random number below the bound.
#[cfg(feature = "slow-tests")]
fn chance(bound: u32) -> u32 {
    getrandom::u32().unwrap() % bound
}

#[cfg(feature = "slow-tests")]
#[tokio::test(flavor = "multi_thread")]
async fn each_pair_is_written_exactly_once_by_two_replicas_that_are_killed_for_a_minute() {
    use tokio::{sync::watch, task::JoinSet, time::Instant};

    const LOAD: Duration = Duration::from_secs(60);
    let site = Site::new();
    let gateway = site.gateway(None, |_| {}).await;
    let grpc = gateway.addresses.grpc;
    let (loaded, load_is_on) = watch::channel(());
    let mut replicas = JoinSet::new();
    for language in &site.languages {
        let (language, database) = (Arc::clone(language), site.database(language));
        let load_is_on = load_is_on.clone();
        let first = Consumer::start(&language, grpc, &database);
        first.writes(|database| database.cursor().is_some_and(|cursor| !cursor.is_empty())).await;
        self::watch(&database);
        replicas.spawn(async move {
            let mut both = [first, Consumer::start(&language, grpc, &database)];
            let mut kills = 0;
            // Until the sender has ended.
            while load_is_on.has_changed().is_ok() {
                sleep(Duration::from_millis(200 + u64::from(chance(1800)))).await;
                let one = &mut both[chance(2) as usize];
                one.kill();
                kills += 1;
                *one = Consumer::start(&language, grpc, &database);
            }
            (both, kills)
        });
    }

    let (mut name, mut expected, mut untyped, mut posted) = (0, Vec::new(), 0, 0);
    let end = Instant::now() + LOAD;
    let mut http = Http::connect(gateway.addresses.http).await;
    while Instant::now() < end {
        posted += 1;
        if chance(20) == 0 {
            untyped += 1;
            assert!(http.post(FRIEND, &format!(r#"{{"PairList":{untyped}}}"#)).await.is_stored());
        } else {
            let names: Vec<u32> = (name..=name + chance(3)).collect();
            name += 3;
            let answer = http.post(FRIEND, &friends(names.clone())).await;
            assert!(answer.is_stored(), "{answer:?}");
            expected.extend(names.into_iter().map(|name| format!("alice {name}")));
        }
        sleep(Duration::from_millis(20)).await;
    }
    drop(loaded);
    while let Some(replicas) = replicas.join_next().await {
        let (both, kills) = replicas.unwrap();
        let Consumer { language, database, .. } = &both[0];
        both[0].writes(|database| database.pairs().len() >= expected.len()).await;
        both[0].writes(|database| database.column::<u32>("SELECT 1 FROM untyped").len() == untyped).await;
        let name = language.name;
        assert!(kills >= 20, "{name}: {kills}");
        // The order is correct too, because nothing else was written in between.
        assert!(database.pairs() == expected, "{name}: not each pair exactly once");
        // The primary key alone did not prevent duplicates: no second transaction contained the pair.
        let attempts: Vec<u32> = database.column("SELECT count(*) FROM attempt");
        assert_eq!(attempts, [u32::try_from(expected.len()).unwrap()], "{name}");
        // The cursor never moved back, and each event moved it once.
        let steps = database.column::<String>("SELECT new FROM step ORDER BY rowid");
        let mut steps: Vec<_> = steps.iter().map(|step| step.parse::<Cursor>().unwrap().sequence.0).collect();
        assert!(steps.is_sorted(), "{name}: {steps:?}");
        steps.dedup();
        assert!(steps.iter().copied().eq(1..=posted), "{name}: {steps:?}");
        println!("{name}: {} pairs, {untyped} untyped events, {kills} kills", expected.len());
    }
    gateway.stop().await;
}
