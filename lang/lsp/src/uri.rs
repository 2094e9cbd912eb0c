//! Between the editor's names of documents and paths. A document that is no file is known by its URI. Knows nothing of policies.

use lsp_types::Url;

/// The path of a file, with `/` between its parts; the URI itself for what is no file.
pub(crate) fn path_of(uri: &Url) -> String {
    match uri.to_file_path() {
        Ok(path) => path.to_string_lossy().replace('\\', "/"),
        Err(()) => uri.to_string(),
    }
}

/// The URI of a path.
pub(crate) fn of_path(path: &str) -> Option<Url> {
    Url::from_file_path(path).ok().or_else(|| Url::parse(path).ok())
}

/// The folder of a path, and the name in it.
pub(crate) fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((folder, name)) => (folder, name),
        None => ("", path),
    }
}

/// A path in a folder, `.` and `..` resolved.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() || name.starts_with('/') || name.contains("://") {
        return name.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let first = if folder.starts_with('/') { "/" } else { "" };
    format!("{first}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris_and_back() {
        let uri = of_path("/srv/a policy/büro.pol").unwrap();
        assert_eq!(uri.as_str(), "file:///srv/a%20policy/b%C3%BCro.pol");
        assert_eq!(path_of(&uri), "/srv/a policy/büro.pol");
        let new = Url::parse("untitled:Untitled-1").unwrap();
        assert_eq!(of_path(&path_of(&new)), Some(new));
    }

    #[test]
    fn names_are_joined_to_folders() {
        assert_eq!(join("/srv/x", "../y/./a.pol"), "/srv/y/a.pol");
        assert_eq!(join("/srv", "/etc/a.pol"), "/etc/a.pol");
        assert_eq!(join("", "untitled:Untitled-1"), "untitled:Untitled-1");
        assert_eq!(split("/srv/a.pol"), ("/srv", "a.pol"));
        assert_eq!(split("/a.pol"), ("/", "a.pol"));
    }
}
