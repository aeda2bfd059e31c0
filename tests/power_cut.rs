//! Power cuts: every acknowledged event is on the disk, not only in the kernel's cache.
//!
//! A file system on a loop device is shut down in the middle of a burst. Like a power cut, ext4's
//! shutdown drops everything that was not written and synced. Killing the process would leave it in the
//! kernel's cache.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use imcallback::Event;
use tempfile::TempDir;

use testkit::burst::{Answers, Burst, callback};
use testkit::*;

const CONNECTIONS: usize = 16;
const DISK_BYTES: u64 = 256 << 20;
const NEEDS: &str = "this test needs root, loop devices, mkfs.ext4, Python 3 and a C compiler";

#[tokio::test(flavor = "multi_thread")]
async fn everything_acknowledged_survives_a_power_cut() {
    let disk = Disk::new();
    let mut answers = Answers::default();
    let mut kept: Vec<Event> = Vec::new();
    for (round, acknowledged) in [300, 40, 900].into_iter().enumerate() {
        let gateway = Process::start(&mut disk.gateway());
        answers.add(cut_in_a_burst(&disk, gateway, &round.to_string(), acknowledged).await);

        let gateway = Process::start(&mut disk.gateway());
        let events = read(&mut gateway.client().await, earliest()).await;
        answers.assert_kept_in(&events);
        assert!(events.starts_with(&kept), "events of earlier rounds are unchanged");
        kept = events;
        gateway.kill();
    }
}

/// Shows that the test above can fail.
#[tokio::test(flavor = "multi_thread")]
async fn without_syncs_the_same_test_loses_events() {
    let disk = Disk::new();
    let gateway = Process::start(disk.gateway().env("LD_PRELOAD", disk.nosync()));
    // The empty log is safe. Only events can be lost.
    run(Command::new("sync").arg("--file-system").arg(disk.mount_point()));
    let answers = cut_in_a_burst(&disk, gateway, "unsynced", 300).await;

    let gateway = Process::start(&mut disk.gateway());
    let events = read(&mut gateway.client().await, earliest()).await;
    assert!(!answers.missing(&events).is_empty(), "all {} events survived without syncs", events.len());
}

/// A disk that hangs is as bad as one that fails, and the platform receives an error.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_makes_the_gateway_unready_until_it_goes_on() {
    let disk = Disk::new();
    let gateway = Process::start(&mut disk.gateway());
    let mut http = Http::connect(gateway.addresses.http).await;
    assert!(http.post("A.B", r#"{"n":"before"}"#).await.is_stored());

    let frozen = Frozen::new(&disk);
    // Nothing is acknowledged. Once a write has exceeded the deadline of a callback, callbacks are
    // refused immediately.
    let refused = loop {
        let answer = http.post("A.B", r#"{"n":"frozen"}"#).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        if get(gateway.addresses.admin, "/readyz").await.status == 503 {
            break answer;
        }
    };
    assert_eq!(refused.error_info(), "callbacks cannot be stored at the moment; retry");
    let mut client = gateway.client().await;
    assert_eq!(all_events(&mut client).await.len(), 1, "events can still be read");

    drop(frozen);
    soon(async { while get(gateway.addresses.admin, "/readyz").await.status != 200 {} }).await;
    assert!(http.post("A.B", r#"{"n":"after"}"#).await.is_stored());
    let events = all_events(&mut client).await;
    assert_eq!(events.last().unwrap().raw_body, r#"{"n":"after"}"#);
    gateway.kill();
}

/// Cuts the disk's power once this many callbacks of a burst were acknowledged. Afterwards the gateway
/// has ended, and the disk is as it is after the power returns.
async fn cut_in_a_burst(disk: &Disk, gateway: Process, name: &str, acknowledged: usize) -> Answers {
    let switch = disk.switch();
    let mut late = Http::connect(gateway.addresses.http).await;
    let burst = Burst::start(gateway.addresses.http, name, CONNECTIONS).await;
    burst.stored(acknowledged).await;
    let before = burst.answers().stored.len();
    switch.off();

    let (command, body) = callback(name, CONNECTIONS, 0);
    // The gateway may have ended, because it maps a file of the dead disk. It must not answer with OK.
    if let Ok(answer) = late.try_post(command, &body).await {
        assert_eq!(answer.status, 503, "{answer:?}");
    }
    gateway.kill();
    let mut answers = burst.ended().await;
    answers.unknown.push(body);
    // After a real power cut no client receives an answer. Here a client may receive one in vain: ext4
    // lets a sync succeed that was in progress at the moment of the shutdown.
    let during = answers.stored.split_off(before);
    answers.unknown.extend(during);

    disk.unmount();
    disk.mount();
    answers
}

/// File system on a loop device. Declared before the gateway, so that it is dropped after it.
struct Disk {
    dir: TempDir,
    device: String,
}

impl Disk {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let image = dir.path().join("image");
        File::create(&image).unwrap().set_len(DISK_BYTES).unwrap();
        std::fs::create_dir(dir.path().join("mnt")).unwrap();
        run(Command::new("mkfs.ext4").arg("-q").arg(&image));
        let device = run(Command::new("losetup").args(["--find", "--show"]).arg(&image));
        let disk = Self { dir, device: device.trim().to_owned() };
        disk.mount();
        disk
    }

    fn mount_point(&self) -> PathBuf {
        self.dir.path().join("mnt")
    }

    /// Mounts it so that ext4 writes nothing by itself during a test: everything on the disk was synced.
    fn mount(&self) {
        let mut mount = Command::new("mount");
        run(mount.args(["-t", "ext4", "-o", "commit=600", &self.device]).arg(self.mount_point()));
    }

    fn unmount(&self) {
        run(Command::new("umount").arg(self.mount_point()));
    }

    /// Prepares the power cut, so that it takes no time when it happens.
    fn switch(&self) -> Switch {
        let mut python = Command::new("python3");
        python.arg(support_file("ext4_shutdown.py")).arg(self.mount_point());
        let child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("python3: {error}; {NEEDS}"));
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n", "python3 could not prepare the power cut; {NEEDS}");
        Switch(child)
    }

    fn gateway(&self) -> Command {
        let mut gateway = program();
        gateway.args(serve_args(&self.mount_point().join("data")));
        gateway
    }

    /// Builds a library in which syncs do nothing, to be preloaded.
    fn nosync(&self) -> PathBuf {
        let library = self.dir.path().join("nosync.so");
        let mut cc = Command::new("cc");
        run(cc.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(support_file("nosync.c")));
        library
    }
}

/// File system on which every write blocks until this is dropped.
struct Frozen(PathBuf);

impl Frozen {
    fn new(disk: &Disk) -> Self {
        run(Command::new("fsfreeze").arg("--freeze").arg(disk.mount_point()));
        Self(disk.mount_point())
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        Command::new("fsfreeze").arg("--unfreeze").arg(&self.0).status().ok();
    }
}

/// Process that cuts the disk's power when its standard input is closed.
struct Switch(Child);

impl Switch {
    fn off(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success(), "the power cut failed");
    }
}

impl Drop for Disk {
    /// Also runs after a failed test, when the file system may still be in use.
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(self.mount_point()).status().ok();
        Command::new("losetup").arg("--detach").arg(&self.device).status().ok();
    }
}

fn support_file(name: &str) -> PathBuf {
    package().join("tests/programs").join(name)
}

/// Runs a program that must succeed. Returns its output.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; {NEEDS}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {stderr}; {NEEDS}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
