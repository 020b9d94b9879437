//! Finds the paths that a source file names: in `use`, in code and in the arguments of macros.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::BTreeSet;
use syn::visit::Visit;
use syn::{Attribute, Item, ItemUse, Macro, UseTree, Visibility};

/// What stands before a path that begins with no module of this crate.
const EXTERN: &str = "extern";

/// The paths that a source file names outside its tests, each as the names of its parts.
///
/// Paths within the crate begin at its root. A path that begins with neither `crate`, `self` nor `super`
/// may be a crate's or a module's below the file's own, and is there as both.
pub struct Paths {
    module: Vec<String>,
    paths: BTreeSet<Vec<String>>,
}

impl Paths {
    /// The paths in the source of this module, such as `cache::entry`.
    pub fn of(source: &str, module: &str) -> BTreeSet<Vec<String>> {
        let mut paths = Self {
            module: module.split("::").map(str::to_owned).collect(),
            paths: BTreeSet::new(),
        };
        paths.visit_file(&syn::parse_file(source).unwrap());
        paths.paths
    }

    fn add(&mut self, path: &[String]) {
        if path.is_empty() {
            return;
        }
        let mut base = self.module.clone();
        let mut rest = path;
        match path {
            [first, after @ ..] if first == "crate" || first == "taskfleet" => {
                self.paths.insert(after.to_vec());
                return;
            }
            [first, after @ ..] if first == "self" => rest = after,
            [first, ..] if first == "super" => {}
            _ => {
                self.paths.insert([&[EXTERN.to_owned()], path].concat());
            }
        }
        while let [first, after @ ..] = rest
            && first == "super"
        {
            base.pop();
            rest = after;
        }
        self.paths.insert([&base[..], rest].concat());
    }

    fn add_tree(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: String| [before, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.add_tree(&path.tree, &with(path.ident.to_string())),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_tree(tree, before);
                }
            }
            UseTree::Name(name) if name.ident == "self" => self.add(before),
            // As a path of two, because a single name in code is mostly a variable's.
            UseTree::Name(name) if before.is_empty() => {
                self.add(&[name.ident.to_string(), "self".to_owned()]);
            }
            UseTree::Name(name) => self.add(&with(name.ident.to_string())),
            UseTree::Rename(rename) => self.add(&with(rename.ident.to_string())),
            UseTree::Glob(_) => self.add(before),
        }
    }

    /// Adds the paths among the tokens of a macro, which are names with `::` between them.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.add(&std::mem::take(&mut path));
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                other => {
                    self.add(&std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.add_tokens(group.stream());
                    }
                }
            }
        }
        self.add(&path);
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes: &[Attribute] = match item {
            Item::Mod(module) => &module.attrs,
            Item::Fn(function) => &function.attrs,
            Item::Use(import) => &import.attrs,
            _ => &[],
        };
        let is_test = |attribute: &Attribute| {
            let text = attribute.to_token_stream().to_string();
            attribute.path().is_ident("cfg") && text.contains("test")
        };
        if !attributes.iter().any(is_test) {
            syn::visit::visit_item(self, item);
        }
    }

    /// Who may see an item is no import.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        self.add_tree(&import.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|part| part.ident.to_string());
        self.add(&names.collect::<Vec<_>>());
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.visit_path(&call.path);
        self.add_tokens(call.tokens.clone());
    }
}

/// Whether these paths name a crate, or a module of the standard library such as `std::fs`.
pub fn names(paths: &BTreeSet<Vec<String>>, name: &str) -> bool {
    let wanted: Vec<&str> = [EXTERN].into_iter().chain(name.split("::")).collect();
    paths.iter().filter(|path| path.len() > 2).any(|path| {
        let beginning: Vec<&str> = path.iter().take(wanted.len()).map(String::as_str).collect();
        beginning == wanted
    })
}
