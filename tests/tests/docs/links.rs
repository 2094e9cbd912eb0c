//! What pages point at, other pages and tests, is there. Knows nothing of what stands in blocks.

use std::path::{Path, PathBuf};

use tests::{files, repository};

use super::{pages, text};

#[test]
fn links_lead_to_pages_that_are_there() {
    let mut followed = 0;
    for page in pages() {
        let text = text(&page);
        let folder = Path::new(&page).parent().unwrap_or(Path::new("")).to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
            let target: PathBuf = if path.is_empty() { page.clone().into() } else { folder.join(path) };
            let there = repository().join(&target);
            assert!(there.exists(), "{page}: `{link}` leads nowhere");
            if let Some(anchor) = anchor {
                let headings = std::fs::read_to_string(&there).unwrap();
                assert!(
                    headings.lines().any(|line| anchor_of(line) == Some(anchor.to_owned())),
                    "{page}: no heading for `{link}`"
                );
            }
            followed += 1;
        }
    }
    assert!(followed > 20, "only {followed} links were found");
}

fn anchor_of(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?;
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
}

/// `docs/reliability.md` claims only what a test shows: each proof is `FILE::TEST`, or the text of a check of the lab.
#[test]
fn each_claim_of_reliability_names_a_test_that_exists() {
    let folder = repository().join("tests/lab");
    let lab: String = files(&folder, "py").iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let mut proofs = 0;
    for line in text("docs/reliability.md").lines().filter(|line| line.starts_with("| ")) {
        for proof in line.split('`').skip(1).step_by(2) {
            if let Some((file, test)) = proof.split_once("::") {
                let there = text(file).contains(&format!("fn {test}("));
                assert!(there, "docs/reliability.md: no test `{test}` in {file}");
                proofs += 1;
            } else if let Some(check) = proof.strip_prefix("lab: ") {
                assert!(lab.contains(&format!("@check(\"{check}")), "docs/reliability.md: no check `{check}` in the lab");
                proofs += 1;
            }
        }
    }
    assert!(proofs > 20, "only {proofs} proofs were found");
}
