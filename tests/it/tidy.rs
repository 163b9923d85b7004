//! Who may import whom, and that no file is unused: what a reader relies on.

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

#[test]
fn layers_know_only_those_below_them() {
    none_says(
        "src/model",
        &[],
        &["crate::store", "crate::ops", "crate::web", "crate::app", "sqlx", "axum", "async fn"],
    );
    none_says("src/pdf", &[], &["crate::store", "crate::ops", "crate::web", "crate::app", "crate::clock"]);
    none_says("src/store", &[], &["crate::ops", "crate::web", "crate::app", "axum"]);
    none_says("src/payments", &[], &["crate::ops", "crate::web", "crate::app", "axum", "sqlx"]);
    none_says("src/ops", &[], &["crate::web", "axum", "sqlx::"]);
    none_says("src/jobs", &[], &["crate::web", "axum", "sqlx::"]);
}

#[test]
fn sql_stands_in_the_store_alone() {
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
fn templates_hold_no_inline_script_or_style() {
    none_says(
        "templates",
        &[],
        &["<style", "style=\"", "onclick=", "onsubmit=", "onchange=", "javascript:", "<script>"],
    );
}
