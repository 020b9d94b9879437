//! Every package that the program and its tests are made of has a licence that deny.toml allows, and
//! comes from the public registry or is the project's own.

use serde_json::{Value, json};
use std::iter::Peekable;
use std::path::Path;
use std::process::Command;
use std::vec::IntoIter;

/// Where cargo downloads from unless it is told otherwise.
const PUBLIC_REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// Licences that would bind the whole program.
const COPYLEFT: [&str; 4] = ["GPL", "AGPL", "LGPL", "SSPL"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What cargo says about all packages, those of other systems included.
fn metadata() -> Value {
    let metadata = |more: &[&str]| {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--locked"])
            .args(more)
            .current_dir(root())
            .output()
            .unwrap();
        match output.status.success() {
            true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    };
    // What only other systems are built with may not have been downloaded yet.
    metadata(&["--offline"])
        .or_else(|_| metadata(&[]))
        .unwrap_or_else(|error| panic!("{error}"))
}

fn deny_toml() -> String {
    std::fs::read_to_string(root().join("deny.toml")).unwrap()
}

/// The licences that deny.toml allows. Read from its text, because nothing else here needs TOML.
fn allowed_in(deny_toml: &str) -> Vec<String> {
    let (_, list) = deny_toml.split_once("\nallow = [").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    let lines = list.lines().map(|line| line.split('#').next().unwrap());
    lines
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

/// An SPDX expression that is being read; `A/B`, which older packages have, means `A OR B`.
struct Expression<'a> {
    words: Peekable<IntoIter<String>>,
    allowed: &'a [String],
}

impl<'a> Expression<'a> {
    fn new(text: &str, allowed: &'a [String]) -> Self {
        let spaced = text
            .replace('(', " ( ")
            .replace(')', " ) ")
            .replace('/', " OR ");
        let words: Vec<_> = spaced.split_whitespace().map(str::to_owned).collect();
        Self {
            words: words.into_iter().peekable(),
            allowed,
        }
    }

    fn takes(&mut self, word: &str) -> bool {
        self.words.next_if(|next| next == word).is_some()
    }

    /// Whether one of the alternatives is allowed.
    fn any(&mut self) -> Option<bool> {
        let mut is_allowed = self.all()?;
        while self.takes("OR") {
            is_allowed |= self.all()?;
        }
        Some(is_allowed)
    }

    /// Whether all that holds together is allowed.
    fn all(&mut self) -> Option<bool> {
        let mut is_allowed = self.one()?;
        while self.takes("AND") {
            is_allowed &= self.one()?;
        }
        Some(is_allowed)
    }

    fn one(&mut self) -> Option<bool> {
        if self.takes("(") {
            let is_allowed = self.any()?;
            return self.takes(")").then_some(is_allowed);
        }
        let mut licence = self.words.next()?;
        if self.takes("WITH") {
            licence = format!("{licence} WITH {}", self.words.next()?);
        }
        Some(self.allowed.contains(&licence))
    }
}

/// Whether a licence is allowed; what is no expression is not.
fn is_allowed(licence: &str, allowed: &[String]) -> bool {
    let mut expression = Expression::new(licence, allowed);
    expression.any() == Some(true) && expression.words.next().is_none()
}

/// What is wrong with each of these packages; `own` are the ids of the project's own.
fn refusals(packages: &[Value], own: &[Value], allowed: &[String]) -> Vec<String> {
    let refusal = |package: &Value| {
        let name = format!("{} {}", package["name"], package["version"]);
        match package["source"].as_str() {
            None if !own.contains(&package["id"]) => {
                return Some(format!("{name} is a folder outside the project"));
            }
            Some(source) if source != PUBLIC_REGISTRY => {
                return Some(format!("{name} comes from {source}"));
            }
            _ => {}
        }
        match package["license"].as_str() {
            None => Some(format!("{name} names no licence")),
            Some(licence) if is_allowed(licence, allowed) => None,
            Some(licence) => Some(format!("{name} is under {licence}")),
        }
    };
    packages.iter().filter_map(refusal).collect()
}

#[test]
fn every_package_has_an_allowed_licence_and_source() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let own = metadata["workspace_members"].as_array().unwrap();
    assert!(packages.len() > 100, "{} packages", packages.len());
    let refused = refusals(packages, own, &allowed_in(&deny_toml()));
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn deny_toml_allows_no_copyleft_and_no_other_source() {
    let deny_toml = deny_toml();
    let allowed = allowed_in(&deny_toml);
    assert!(allowed.contains(&"MIT".to_owned()), "{allowed:?}");
    for licence in allowed {
        let binds = COPYLEFT.iter().any(|family| licence.starts_with(family));
        assert!(!binds, "{licence}");
    }
    for rule in ["unknown-registry = \"deny\"", "unknown-git = \"deny\""] {
        assert!(deny_toml.contains(rule), "no {rule}");
    }
    for exception in ["allow-registry", "allow-git", "allow-org", "exceptions"] {
        assert!(!deny_toml.contains(exception), "{exception}");
    }
}

#[test]
fn licence_expression_with_or_needs_one_allowed_and_with_and_needs_all() {
    let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"].map(str::to_owned);
    for licence in [
        "MIT",
        "MIT OR GPL-3.0-only",
        "AGPL-3.0-or-later OR MIT",
        "MIT/Unlicense",
        "(MIT OR GPL-2.0-only) AND Unicode-3.0",
        "GPL-3.0-only AND MIT OR Apache-2.0",
        "Apache-2.0 WITH LLVM-exception OR Apache-2.0",
    ] {
        assert!(is_allowed(licence, &allowed), "{licence}");
    }
    for licence in [
        "GPL-3.0-only",
        "AGPL-3.0-or-later",
        "MIT AND GPL-3.0-only",
        "MIT AND (GPL-2.0-only OR AGPL-3.0-only)",
        "(MIT OR Apache-2.0) AND GPL-2.0-or-later WITH Classpath-exception-2.0",
        "GPL-2.0-only WITH MIT",
        "LicenseRef-ours",
        "",
        "MIT Apache-2.0",
        "(MIT",
        "MIT OR",
    ] {
        assert!(!is_allowed(licence, &allowed), "{licence}");
    }
}

#[test]
fn foreign_and_unlicensed_packages_are_refused() {
    let allowed = ["MIT".to_owned()];
    let package = |source: Value, licence: Value| json!({"id": "a 1", "name": "a", "version": "1", "source": source, "license": licence});
    let of = |source, licence| refusals(&[package(source, licence)], &[json!("own 1")], &allowed);
    let registry = || json!(PUBLIC_REGISTRY);
    assert!(of(registry(), json!("MIT")).is_empty());
    for (source, licence) in [
        (registry(), json!(null)),
        (registry(), json!("GPL-3.0-only")),
        (
            json!("registry+https://registry.example/index"),
            json!("MIT"),
        ),
        (json!("git+https://git.example/a#1"), json!("MIT")),
        (json!(null), json!("MIT")),
    ] {
        let refused = of(source.clone(), licence.clone());
        assert_eq!(refused.len(), 1, "{source} {licence}");
    }
    let own = refusals(
        &[package(json!(null), json!("MIT"))],
        &[json!("a 1")],
        &allowed,
    );
    assert!(own.is_empty(), "{own:?}");
}
