//! Links of all pages: each leads to a file, and to a heading of it.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// Directories with pages, beside the root of the package.
const DIRS: [&str; 4] = ["benches", "deploy", "docs", "examples"];

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = markdown(package, false);
    for dir in DIRS {
        pages.extend(markdown(&package.join(dir), true));
    }
    let (mut followed, mut broken) = (0, Vec::new());
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        for link in links(&text) {
            if link.contains("://") {
                continue;
            }
            followed += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let is_found = if heading.is_empty() {
                target.exists()
            } else {
                fs::read_to_string(&target).is_ok_and(|text| anchors(&text).any(|anchor| anchor == heading))
            };
            if !is_found {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(followed > 200, "{followed}");
}

/// Returns the pages in a directory, with `deep` also those below it. Packages that npm installed are not ours.
fn markdown(dir: &Path, deep: bool) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if deep && path.is_dir() && !path.ends_with("node_modules") {
            pages.extend(markdown(&path, true));
        } else if path.extension() == Some(OsStr::new("md")) {
            pages.push(path);
        }
    }
    pages
}

/// Returns the lines of a page that are not in a fenced block.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// Returns the target of every link and image.
fn links(text: &str) -> impl Iterator<Item = &str> {
    prose(text).flat_map(|line| line.split("](").skip(1)).filter_map(|rest| Some(rest.split_once(')')?.0))
}

/// Returns the anchor of every heading, as GitHub makes it.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    prose(text).filter(|line| line.starts_with('#')).map(|line| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}
