//! The JSON Schema of run files (draft 2020-12), for editors that complete and check TOML.

use std::any::TypeId;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::key::{COMMANDS, Key, Shape, command, keys, tables};
use super::read::OVERWRITE;
use crate::cli::{Done, Failure};

/// The schema as text.
pub(super) fn text() -> Done<String> {
    let text = serde_json::to_string_pretty(&schema());
    Ok(text.map_err(|error| Failure::Output(error.to_string()))? + "\n")
}

/// A file is checked against the command that it names, or the first.
fn schema() -> Value {
    let [first, other] = COMMANDS;
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Run file of wfr",
        "description": "What `wfr run` runs; a key is an option of the command line.",
        "type": "object",
        "if": { "properties": { "command": { "const": other } }, "required": ["command"] },
        "then": { "$ref": format!("#/$defs/{other}") },
        "else": { "$ref": format!("#/$defs/{first}") },
        "$defs": { first: of_command(first), other: of_command(other) },
    })
}

fn of_command(name: &str) -> Value {
    let command = command(name);
    let keys = keys(&command);
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut properties = Map::new();
    let word = json!({ "description": "The command that runs.", "const": name });
    properties.insert("command".into(), word);
    let mut needed = Vec::new();
    for table in tables(&keys) {
        let own = || keys.iter().filter(|key| key.table == table);
        let inside: Map<_, _> = own().map(|key| (key.name.clone(), of_key(key))).collect();
        let is_required = |key: &&Key| key.arg.is_required_set();
        let required: Vec<_> = own().filter(is_required).map(|key| &key.name).collect();
        if !required.is_empty() {
            needed.push(table);
        }
        let object = json!({
            "type": "object",
            "properties": inside,
            "required": required,
            "additionalProperties": false,
        });
        properties.insert(table.to_string(), object);
    }
    json!({
        "description": about,
        "type": "object",
        "properties": properties,
        "required": needed,
        "additionalProperties": false,
    })
}

fn of_key(key: &Key) -> Value {
    let mut schema = match key.path() == OVERWRITE {
        // The command line alone may say that files are replaced.
        true => json!({ "const": false }),
        false => values(key),
    };
    schema["description"] = key.help().into();
    let defaults = key.arg.get_default_values();
    if let Some(default) = defaults.first().and_then(|default| default.to_str()) {
        schema["default"] = plain(key, default);
    }
    schema
}

/// The values that a key takes.
fn values(key: &Key) -> Value {
    let known = key.arg.get_possible_values();
    let names: Vec<_> = known.iter().map(|value| value.get_name()).collect();
    // A number may also be written as the command line has it: "2^17", ".5".
    let one = match key.shape() {
        Shape::Flag => return json!({ "type": "boolean" }),
        _ if !known.is_empty() => json!({ "enum": names }),
        _ if is_path(key) => json!({ "type": "string" }),
        _ => json!({ "type": ["number", "string"] }),
    };
    let list = json!({ "type": "array", "items": one });
    match key.shape() {
        Shape::Pairs => {
            let table = json!({ "type": "object", "additionalProperties": one });
            json!({ "anyOf": [table, list, one] })
        }
        Shape::Many => json!({ "anyOf": [list, one] }),
        _ if is_list(key) => json!({ "anyOf": [one, list] }),
        _ => one,
    }
}

fn is_path(key: &Key) -> bool {
    key.arg.get_value_parser().type_id() == TypeId::of::<PathBuf>()
}

/// Whether a value is a list with commas.
fn is_list(key: &Key) -> bool {
    let names = key.arg.get_value_names().unwrap_or_default();
    key.arg.get_value_delimiter().is_some() || names.iter().any(|name| name.contains("NUMBERS"))
}

/// A default as JSON has it.
fn plain(key: &Key, default: &str) -> Value {
    if key.shape() == Shape::Flag {
        return Value::Bool(default == "true");
    }
    serde_json::from_str(default).ok().filter(Value::is_number).unwrap_or_else(|| default.into())
}
