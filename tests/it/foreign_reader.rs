//! Another program that reads the store's file.

use tempfile::TempDir;

use crate::support::burst::{Answers, callback};
use crate::support::*;

/// The last connection to an SQLite file to be closed removes its WAL. Only the gateway's locks show the
/// other program that its connection is not the last.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_reader_of_the_file_costs_no_event() {
    let dir = TempDir::new().unwrap();
    let gateway = Process::serve(dir.path(), &[]);
    let mut http = Http::connect(gateway.addresses.http).await;
    let mut answers = Answers::default();
    for n in 0..20 {
        let (command, body) = callback("foreign", 0, n);
        assert!(http.post(command, &body).await.is_stored());
        answers.stored.push(body);
        if n == 10 {
            let look = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
                        print(c.execute('SELECT count(*) FROM record').fetchone()[0]); c.close()";
            let mut python = std::process::Command::new("python3");
            let seen = python.args(["-c", look]).arg(dir.path().join("events.db")).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&seen.stdout), "11\n", "{seen:?}");
        }
    }
    gateway.kill();
    let gateway = Process::serve(dir.path(), &[]);
    answers.assert_kept_in(&read(&mut gateway.client().await, earliest()).await);
}
