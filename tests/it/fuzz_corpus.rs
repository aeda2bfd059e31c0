//! The checks of the fuzz targets on the corpus in the repository and on the fixtures: findings stay
//! fixed, even where fuzzing cannot run.

use std::{collections::BTreeSet, fs, path::PathBuf};

use fuzz_checks as checks;

/// Longest input, as in `scripts/fuzz`.
const MAX_INPUT_BYTES: usize = 16 * 1024;

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = package().join(folder);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.sort();
    files
}

fn stems(files: &[PathBuf]) -> BTreeSet<&str> {
    files.iter().map(|file| file.file_stem().unwrap().to_str().unwrap()).collect()
}

#[test]
fn the_corpus_passes_the_checks_of_its_fuzz_target() {
    for (target, check) in checks::CHECKS {
        for file in files(&format!("fuzz/corpus/{target}")) {
            // Shown if the check fails.
            println!("{}", file.display());
            let input = fs::read(&file).unwrap();
            assert!(input.len() <= MAX_INPUT_BYTES, "too large for fuzzing");
            check(&input);
        }
    }
}

#[test]
fn every_packet_passes_the_checks_of_the_fuzz_targets() {
    for file in files("tests/fixtures") {
        println!("{}", file.display());
        let command = file.file_stem().unwrap().to_str().unwrap();
        let body = fs::read(&file).unwrap();
        checks::packet(command, &body);
        let query = format!("SdkAppid=7&CallbackCommand={command}&contenttype=json&ClientIP=::1\n");
        checks::envelope(&[query.as_bytes(), &body].concat());
    }
}

#[test]
fn every_fuzz_target_has_a_check_and_a_corpus() {
    let checks = BTreeSet::from(checks::CHECKS.map(|(target, _)| target));
    assert_eq!(stems(&files("fuzz/fuzz_targets")), checks);
    assert_eq!(stems(&files("fuzz/corpus")), checks);
}
