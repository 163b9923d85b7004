//! Compares the triggers that refuse changes with those that the migrations create: on SQLite with an in-memory
//! database that has run all migrations, on PostgreSQL with the texts of the migrations.

use std::collections::BTreeMap;

use super::findings::{self, Findings};
use crate::store::db::{Result, Tx, sql_for};
use crate::store::migrate;

/// Triggers by table and name.
type Triggers = BTreeMap<(String, String), String>;

pub async fn check(tx: &mut Tx, findings: &mut Findings) -> Result<()> {
    let wanted: Triggers = if tx.is_postgres() {
        in_texts(migrate::postgres_texts())
    } else {
        migrate::sqlite_triggers().await?.into_iter().map(|(t, n, text)| ((t, n), text)).collect()
    };
    let found: Vec<(String, String, String, String)> = sql_for(
        "select tbl_name, name, sql, '' from sqlite_master where type = 'trigger'",
        "select c.relname::text, t.tgname::text, pg_get_triggerdef(t.oid),
             case t.tgenabled when 'O' then p.prosrc else 'disabled' end
         from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
         where not t.tgisinternal and c.relnamespace = (select n.oid from pg_namespace n where n.nspname = current_schema())",
    )
    .all(tx)
    .await?;
    let is_postgres = tx.is_postgres();
    let found: Triggers = found
        .into_iter()
        .map(|(table, name, text, body)| ((table, name), if is_postgres { canonical(&text, &body) } else { text }))
        .collect();
    for (key, text) in &wanted {
        let wrong = match found.get(key) {
            None => "is missing",
            Some(other) if other != text => "is another one",
            Some(_) => continue,
        };
        findings.note(findings::TRIGGERS, None, || format!("{} on {} {wrong}", key.1, key.0));
    }
    for (table, name) in found.keys().filter(|key| !wanted.contains_key(*key)) {
        findings.note(findings::TRIGGERS, None, || format!("{name} on {table} is none of Scrip's"));
    }
    Ok(())
}

/// The triggers that statements create, later ones replacing earlier ones.
fn in_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Triggers {
    let (mut triggers, mut bodies) = (BTreeMap::new(), BTreeMap::new());
    for statement in texts.flat_map(statements) {
        let words: Vec<&str> = statement.split_whitespace().collect();
        let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let lower: Vec<&str> =
            lower.into_iter().filter(|word| !matches!(*word, "or" | "replace" | "if" | "exists")).collect();
        match lower.as_slice() {
            ["create", "trigger", name, ..] => {
                let table = lower.iter().skip_while(|word| **word != "on").nth(1).copied().unwrap_or_default();
                triggers.insert((table.to_owned(), (*name).to_owned()), statement);
            }
            ["drop", "trigger", name, "on", table, ..] => {
                triggers.remove(&((*table).to_owned(), (*name).to_owned()));
            }
            ["create", "function", name, ..] => {
                let name = name.split('(').next().unwrap_or_default().to_owned();
                bodies.insert(name, statement.split("$$").nth(1).unwrap_or_default());
            }
            _ => {}
        }
    }
    let body = |statement: &str| {
        let call = statement.rsplit(' ').next().unwrap_or_default();
        bodies.get(call.split('(').next().unwrap_or_default()).copied().unwrap_or_default()
    };
    triggers.into_iter().map(|(key, statement)| (key, canonical(statement, body(statement)))).collect()
}

/// The statements of a migration; text between dollar quotes is part of one.
fn statements(text: &str) -> Vec<&str> {
    let (mut found, mut start, mut is_quoted, mut is_comment) = (Vec::new(), 0, false, false);
    for (at, sign) in text.char_indices() {
        match sign {
            '\n' => is_comment = false,
            _ if is_comment => {}
            '-' if !is_quoted && text[at..].starts_with("--") => is_comment = true,
            '$' if text[at..].starts_with("$$") => is_quoted = !is_quoted,
            ';' if !is_quoted => {
                found.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.into_iter().map(without_comments).collect()
}

/// A statement without leading comments.
fn without_comments(mut statement: &str) -> &str {
    while statement.starts_with("--") {
        statement = statement.split_once('\n').map_or("", |(_, rest)| rest.trim_start());
    }
    statement
}

/// A common form for what a person wrote and what PostgreSQL returns: no schema, no quotes, events in order.
fn canonical(definition: &str, body: &str) -> String {
    let definition = definition.to_lowercase().replace('"', "");
    let words: Vec<String> = definition
        .split_whitespace()
        .map(|word| word.rsplit_once('.').map_or(word, |(_, name)| name).to_owned())
        .collect();
    let text = words.join(" ");
    let (head, rest) = text.split_once(" on ").unwrap_or((&text, ""));
    let (timing, events) = match head.find(" before ").or_else(|| head.find(" after ")) {
        Some(at) => head.split_at(at),
        None => (head, ""),
    };
    let (when, events) = events.trim().split_once(' ').unwrap_or_default();
    let mut events: Vec<&str> = events.split(" or ").collect();
    events.sort_unstable();
    format!("{timing} {when} {} on {rest}\n{body}", events.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_as_written_equal_triggers_as_postgresql_reports_them() {
        let text =
            "-- Comments; with signs.\ncreate function refuse() returns trigger language plpgsql as $$\nbegin; end $$;
            create trigger t_no_change before update of a, b or delete on t\nfor each row execute function refuse();
            create trigger t_old before delete on t for each row execute function refuse();
            drop trigger if exists t_old on t;";
        let wanted = in_texts(std::iter::once(text));
        assert_eq!(wanted.len(), 1);
        let given = "CREATE TRIGGER t_no_change BEFORE DELETE OR UPDATE OF a, b ON t1x.t FOR EACH ROW EXECUTE FUNCTION t1x.refuse()";
        let key = ("t".to_owned(), "t_no_change".to_owned());
        assert_eq!(wanted[&key], canonical(given, "\nbegin; end "));
        assert_ne!(wanted[&key], canonical(&given.replace("DELETE OR ", ""), "\nbegin; end "));
        assert_ne!(wanted[&key], canonical(given, "begin return old; end"));
    }
}
