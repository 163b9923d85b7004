//! The structure that readers rely on: which module may import which, and no unused files.

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(path.to_str().unwrap()));
        } else {
            found.push(path);
        }
    }
    found
}

fn code(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[track_caller]
fn none_says(folder: &str, but: &[&str], forbidden: &[&str]) {
    for path in files(folder) {
        let name = path.to_str().unwrap();
        if but.iter().any(|b| name.ends_with(b)) {
            continue;
        }
        let text = code(&path);
        for word in forbidden {
            assert!(!text.contains(word), "{name} says {word:?}");
        }
    }
}

/// A module may use only modules in later rows; modules in the same row do not know each other.
const RANKS: [&[&str]; 18] = [
    &["main"],
    &["cli"],
    &["demo"],
    &["web"],
    &["jobs"],
    &["ops"],
    &["app"],
    &["writer", "mail", "cards"],
    &["ledger"],
    &["store"],
    &["keys", "pdf"],
    &["words", "urls"],
    &["telemetry"],
    &["config"],
    &["clock", "tasks"],
    &["model"],
    &["rng"],
    &["private"],
];

/// The module that a source file belongs to: the folder or file directly below `src`.
fn module(path: &Path) -> String {
    let first = path.strip_prefix("src").unwrap().iter().next().unwrap().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

fn rank(module: &str) -> usize {
    RANKS.iter().position(|rank| rank.contains(&module)).unwrap_or_else(|| panic!("{module} has no rank"))
}

/// The modules that a text names as `crate::module` or inside `crate::{…}`.
fn named(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for after in text.split("crate::").skip(1) {
        let list = after.strip_prefix('{').and_then(|list| list.split_once(['}', ';'])).map(|(list, _)| list);
        for name in list.unwrap_or(after).split(',') {
            let name: String = name.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            found.push(name);
            if list.is_none() {
                break;
            }
        }
    }
    found
}

#[test]
fn modules_use_only_those_below_them() {
    for path in files("src").into_iter().filter(|path| !path.ends_with("lib.rs")) {
        let (own, text) = (module(&path), code(&path));
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for other in named(&lines.join("\n")).into_iter().filter(|other| *other != own) {
            assert!(rank(&own) < rank(&other), "{} uses {other}", path.display());
        }
    }
    assert_eq!(named("use crate::app::App; use crate::{ops, store::db}; crate::web"), ["app", "ops", "store", "web"]);
}

#[test]
fn layers_use_only_their_own_crates() {
    none_says("src/model", &[], &["sqlx", "axum", "async fn"]);
    for folder in ["src/ops", "src/jobs", "src/mail"] {
        none_says(folder, &[], &["axum", "sqlx::"]);
    }
    none_says("src/store", &[], &["axum"]);
    none_says("src/cards", &[], &["axum", "sqlx"]);
}

#[test]
fn only_the_store_contains_sql() {
    for folder in ["src/ops", "src/web", "src/jobs", "src/cli"] {
        none_says(folder, &[], &["select * from", "insert into", "sql(\"", "store::db::sql"]);
    }
}

#[test]
fn every_template_is_used() {
    let mut sources: String = files("src").iter().map(|p| code(p)).collect();
    sources.extend(files("templates").iter().map(|p| code(p)));
    for path in files("templates") {
        let name = path.strip_prefix("templates").unwrap().to_str().unwrap().to_owned();
        assert!(sources.contains(&format!("\"{name}\"")), "{name} is not used");
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |folder: &str| {
        let mut names: Vec<String> =
            files(folder).iter().map(|p| p.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names("migrations/sqlite"), names("migrations/postgres"));
}

#[test]
fn templates_contain_no_inline_script_or_style() {
    none_says(
        "templates",
        &[],
        &["<style", "style=\"", "onclick=", "onsubmit=", "onchange=", "javascript:", "<script>"],
    );
}
