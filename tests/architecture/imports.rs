//! Which file of `src` needs which other: the imports of each file, followed to the file that
//! defines what is imported.
//!
//! Source text is only read, not compiled. These are the rules:
//!
//! - A file needs another if it names something the other *defines*, by `use` or by path. What a
//!   module re-exports is defined where the re-export leads.
//! - A declaration `mod child;` is no import, and neither is the bare name of a module: what is
//!   then named through it is.
//! - A re-export (`pub use child::Item`) is no import, unless the file uses the name itself.
//! - What stands under `#[cfg(test)]`, files included, doesn't count.
//!
//! A `mod.rs` is a file as any other. If it only declares and re-exports, it needs nobody.

use std::collections::{BTreeMap, BTreeSet};

use super::text::tokens;

/// A module by the names on the way from the crate's root, which is empty itself.
type Module = Vec<String>;

/// Re-exports that are followed in a row; longer chains are circles of re-exports.
const HOPS: usize = 16;

/// A path as it is written.
struct Written {
    /// Where the path begins; `None` if it begins with a name that is in scope.
    base: Option<Module>,
    rest: Vec<String>,
}

/// One leaf of a `use`.
struct Use {
    path: Written,
    /// The name that it brings into scope; `*` for all names.
    name: String,
    public: bool,
}

/// What one file says of others.
#[derive(Default)]
struct Imports {
    children: BTreeSet<String>,
    uses: Vec<Use>,
    paths: Vec<Written>,
    /// Every word outside `use` items.
    words: BTreeSet<String>,
}

/// Which file needs which, by paths below `src`. `files` are paths and texts, `lib.rs` among them.
pub fn needs(files: &BTreeMap<String, String>) -> BTreeMap<String, BTreeSet<String>> {
    let tree = Tree::new(files);
    let name = |module: &Module| tree.0[module].0.clone();
    tree.0.keys().map(|from| (name(from), tree.needs(from).iter().map(name).collect())).collect()
}

/// All files that are compiled outside of tests, by module.
struct Tree(BTreeMap<Module, (String, Imports)>);

impl Tree {
    fn new(files: &BTreeMap<String, String>) -> Tree {
        let mut tree = Tree(BTreeMap::new());
        tree.add(files, Vec::new(), "lib.rs");
        tree
    }

    fn add(&mut self, files: &BTreeMap<String, String>, module: Module, file: &str) {
        let imports = Imports::read(&module, &files[file]);
        let children = imports.children.clone();
        self.0.insert(module.clone(), (file.into(), imports));
        for child in children {
            let below = [&module[..], &[child]].concat();
            let path = below.join("/");
            let named = [format!("{path}.rs"), format!("{path}/mod.rs")];
            if let Some(file) = named.iter().find(|file| files.contains_key(*file)) {
                self.add(files, below, file);
            }
        }
    }

    fn needs(&self, from: &Module) -> BTreeSet<Module> {
        let imports = &self.0[from].1;
        let needed = |item: &&Use| !item.public || imports.words.contains(&item.name);
        let used = imports.uses.iter().filter(needed).filter_map(|item| {
            let path = self.absolute(from, &item.path, HOPS)?;
            // A star is for all that the module defines.
            let is_all = item.name == "*" && self.0.contains_key(&path);
            if is_all { Some(path) } else { self.definer(path, HOPS) }
        });
        let named = imports.paths.iter();
        let named = named.filter_map(|path| self.definer(self.absolute(from, path, HOPS)?, HOPS));
        used.chain(named).filter(|to| to != from && !to.is_empty()).collect()
    }

    /// The module whose file defines what a path names; `None` if the path names a module, or
    /// something outside of the crate.
    fn definer(&self, path: Module, hops: usize) -> Option<Module> {
        let len = (0..=path.len()).rev().find(|len| self.0.contains_key(&path[..*len]))?;
        let (module, rest) = path.split_at(len);
        let (item, further) = rest.split_first()?;
        let module = module.to_vec();
        if self.0[&module].1.uses.iter().all(|used| used.name != *item) {
            return Some(module);
        }
        let mut leads = self.in_scope(&module, item, hops.checked_sub(1)?)?;
        leads.extend_from_slice(further);
        self.definer(leads, hops - 1)
    }

    /// A path from the crate's root; `None` if it leads elsewhere.
    fn absolute(&self, from: &Module, path: &Written, hops: usize) -> Option<Module> {
        let (mut base, rest) = match (&path.base, path.rest.split_first()) {
            (Some(base), _) => (base.clone(), &path.rest[..]),
            (None, Some((head, rest))) => (self.in_scope(from, head, hops.checked_sub(1)?)?, rest),
            (None, None) => return None,
        };
        base.extend_from_slice(rest);
        Some(base)
    }

    /// What a name means in a module: a child, something imported, or something that a `*` brings.
    fn in_scope(&self, module: &Module, name: &str, hops: usize) -> Option<Module> {
        let imports = &self.0.get(module)?.1;
        if imports.children.contains(name) {
            return Some([&module[..], &[name.into()]].concat());
        }
        let by_name = |used: &&Use| used.name == name;
        // `use time::Time` names a crate unless the module has a child `time`.
        let other = |used: &&Use| used.path.base.is_some() || used.path.rest[0] != name;
        if let Some(used) = imports.uses.iter().filter(by_name).find(other) {
            return self.absolute(module, &used.path, hops);
        }
        imports.uses.iter().filter(|used| used.name == "*").find_map(|used| {
            let within = self.absolute(module, &used.path, hops)?;
            self.in_scope(&within, name, hops.checked_sub(1)?)
        })
    }
}

impl Imports {
    fn read(module: &Module, text: &str) -> Imports {
        let tokens = without_tests(&tokens(text));
        let mut imports = Imports::default();
        // One entry for each open brace: the name of the inline module that it opened.
        let mut braces: Vec<Option<String>> = Vec::new();
        let mut public = false;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let within =
                || [&module[..], &braces.iter().flatten().cloned().collect::<Vec<_>>()].concat();
            let token_at = |at: usize| tokens.get(at).map_or("", String::as_str);
            match token.as_str() {
                "{" => {
                    let opens = at >= 2 && tokens[at - 2] == "mod";
                    braces.push(opens.then(|| tokens[at - 1].clone()));
                }
                "}" => {
                    braces.pop();
                }
                // `pub(in crate::engine)` is no import.
                "pub" => {
                    public = true;
                    if token_at(at + 1) == "(" {
                        at += tokens[at..].iter().take_while(|token| *token != ")").count();
                    }
                    at += 1;
                    continue;
                }
                "mod" if token_at(at + 2) == ";" => {
                    imports.children.insert(token_at(at + 1).into());
                }
                // `impl Trait + use<'a>` is no import.
                "use" if token_at(at + 1) != "<" => {
                    let mut leaves = Vec::new();
                    at = use_tree(&tokens, at + 1, Vec::new(), &mut leaves);
                    imports.uses.extend(leaves.into_iter().map(|(path, name)| Use {
                        path: written(path, within()),
                        name,
                        public,
                    }));
                    public = false;
                    continue;
                }
                word if is_word(word) => {
                    let path = path_at(&tokens[at..]);
                    let len = path.len() * 3 - 2;
                    let goes_on = at >= 2 && tokens[at - 1] == ":" && tokens[at - 2] == ":";
                    imports.words.extend(path.iter().cloned());
                    if path.len() > 1 && !goes_on {
                        imports.paths.push(written(path, within()));
                    }
                    public = false;
                    at += len;
                    continue;
                }
                _ => {}
            }
            public = false;
            at += 1;
        }
        imports
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn is_colons(rest: &[String]) -> bool {
    rest.len() > 2 && rest[0] == ":" && rest[1] == ":"
}

/// The words of the path at the beginning of `rest`.
fn path_at(rest: &[String]) -> Vec<String> {
    let mut path = vec![rest[0].clone()];
    let mut at = 1;
    while is_colons(&rest[at..]) && is_word(&rest[at + 2]) {
        path.push(rest[at + 2].clone());
        at += 3;
    }
    path
}

/// `path` as it is written in the module `within`.
fn written(mut path: Vec<String>, mut within: Module) -> Written {
    let mut base = None;
    while let Some(head) = path.first() {
        match head.as_str() {
            "crate" => base = Some(Vec::new()),
            "self" => base = Some(within.clone()),
            "super" => {
                within.pop();
                base = Some(within.clone());
            }
            _ => break,
        }
        path.remove(0);
    }
    Written { base, rest: path }
}

/// Reads one branch of a `use` behind `prefix`; returns where it ends. A leaf is its path and the
/// name it brings into scope.
fn use_tree(
    tokens: &[String],
    mut at: usize,
    mut prefix: Vec<String>,
    leaves: &mut Vec<(Vec<String>, String)>,
) -> usize {
    let token_at = |at: usize| tokens.get(at).map_or(";", String::as_str);
    loop {
        match token_at(at) {
            "{" => {
                at += 1;
                while !matches!(token_at(at), "}" | ";") {
                    at = use_tree(tokens, at, prefix.clone(), leaves);
                    at += usize::from(token_at(at) == ",");
                }
                return at + 1;
            }
            "*" => {
                leaves.push((prefix, "*".into()));
                return at + 1;
            }
            ";" => return at,
            ":" => at += 1,
            word => {
                prefix.push(word.into());
                at += 1;
                if token_at(at) == ":" {
                    continue;
                }
                // `a::{self}` is `a`.
                if word == "self" && prefix.len() > 1 {
                    prefix.pop();
                }
                let mut name = prefix.last().cloned().unwrap_or_default();
                if token_at(at) == "as" {
                    name = token_at(at + 1).into();
                    at += 2;
                }
                leaves.push((prefix, name));
                return at;
            }
        }
    }
}

/// The tokens without the items under `#[cfg(test)]` and the like.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let attribute = attribute(&tokens[at..]);
        let has = |word: &str| attribute.iter().any(|token| token == word);
        if !attribute.is_empty() && has("cfg") && has("test") && !has("not") {
            at += attribute.len();
            at += item_len(&tokens[at..]);
        } else {
            kept.extend_from_slice(&tokens[at..=at]);
            at += 1;
        }
    }
    kept
}

/// `#[…]` at the beginning of `rest`.
fn attribute(rest: &[String]) -> &[String] {
    if rest.len() < 2 || rest[0] != "#" || rest[1] != "[" {
        return &[];
    }
    let mut depth = 0;
    for (at, token) in rest.iter().enumerate() {
        match token.as_str() {
            "[" => depth += 1,
            "]" => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return &rest[..=at];
        }
    }
    rest
}

/// How long the item at the beginning of `rest` is, further attributes included.
fn item_len(rest: &[String]) -> usize {
    let mut at = 0;
    while !attribute(&rest[at..]).is_empty() {
        at += attribute(&rest[at..]).len();
    }
    let mut depth = 0;
    while let Some(token) = rest.get(at) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            "}" if depth == 0 => return at,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 && matches!(token.as_str(), ";" | "}") {
            break;
        }
    }
    at
}
