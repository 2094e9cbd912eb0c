//! `pentane man` and `pentane completions`.

use std::fs;

use crate::run::{assert_run, run, scratch, told};

#[test]
fn every_command_has_a_page() {
    let folder = scratch("man");
    let written = run(&folder, &["man", "--out", "man1"]);
    assert_eq!(written.code, 0, "{written}");
    let help = told(&["--help"]).stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let mut pages = 1;
    // What a command does may take a second line, which starts further in.
    let names = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()));
    for name in names {
        let text = fs::read_to_string(folder.join(format!("man1/pentane-{name}.1"))).unwrap();
        assert!(text.contains(&format!(".TH pentane-{name} 1")), "{text}");
        pages += 1;
    }
    assert!(pages > 10, "{help}");
    for name in ["who-can-reach", "who-is-reachable-from", "bench-openflow", "bench-compile", "bench-routes", "bench-network"] {
        let text = fs::read_to_string(folder.join(format!("man1/pentane-{name}.1"))).unwrap();
        assert!(text.contains(&format!(".TH pentane-{name} 1")), "{text}");
        assert_eq!(told(&[&["man"][..], &name.splitn(2, '-').collect::<Vec<_>>()].concat()).stdout, text);
        pages += 1;
    }
    assert_eq!(written.stdout, format!("{pages} pages in man1\n"));
    let printed = run(&folder, &["man", "check"]);
    assert_eq!(printed.stdout, fs::read_to_string(folder.join("man1/pentane-check.1")).unwrap());
    assert_run!(printed);
}

#[test]
fn a_page_of_nothing_is_refused_with_advice() {
    assert_run!(told(&["man", "chekc"]));
    assert_run!(told(&["man", "who", "can-raech"]));
}

#[test]
fn shells_are_told_of_every_command_and_option() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let told = told(&["completions", shell]);
        assert_eq!((told.code, &*told.stderr), (0, ""), "{shell}");
        for word in ["check", "prove", "explain", "deny-warnings", "show-prelude", "uncovered"] {
            assert!(told.stdout.contains(word), "{shell} is not told of {word}");
        }
    }
}

#[test]
fn bash_completes_a_command() {
    let script = told(&["completions", "bash"]).stdout;
    let folder = scratch("completions");
    fs::write(folder.join("pentane.bash"), script).unwrap();
    for (words, wanted) in [
        ("pentane chec", "check\n"),
        ("pentane help S06", "S0602 S0603\n"),
        ("pentane help expl", "explain\n"),
        ("pentane man expl", "explain\n"),
        ("pentane help who can", "can-reach\n"),
        ("pentane prove --format j", "json\n"),
        ("pentane check --format j", "json junit\n"),
    ] {
        let all: Vec<&str> = words.split(' ').collect();
        let (place, last, before) = (all.len() - 1, all[all.len() - 1], all[all.len() - 2]);
        let ask = format!(
            ". ./pentane.bash; COMP_WORDS=({words}); COMP_CWORD={place}; _pentane pentane {last} {before}; \
             echo \"${{COMPREPLY[*]}}\""
        );
        let told = std::process::Command::new("bash").arg("-c").arg(ask).current_dir(&folder).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&told.stdout), wanted, "{words}: {}", String::from_utf8_lossy(&told.stderr));
    }
}
