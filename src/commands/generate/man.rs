//! The man page: what `--help` prints of portwho and of each command, in the sections of man-pages(7).

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::{self, NAME};
use crate::text::man as text;

/// When the page last changed, as its foot shows.
const DATE: &str = "2026-11-29";

/// The page.
pub(super) fn page() -> io::Result<Vec<u8>> {
    let mut command = cli::command();
    command.build();
    let version = command.get_version().unwrap_or_default().to_owned();
    let man = Man::new(command.clone())
        .title(NAME.to_uppercase())
        .section("1")
        .date(DATE)
        .source(format!("{NAME} {version}"))
        .manual("User Commands");
    let mut page = rendered(|page| man.render_title(page))?;
    page += &rendered(|page| man.render_name_section(page))?;
    page += &beginning(&command).to_roff();
    page += &rendered(|page| man.render_options_section(page))?;
    for verb in command.get_subcommands() {
        page += &of_command(verb).to_roff();
        // They are parts of the command's section.
        let options = rendered(|page| Man::new(verb.clone()).render_options_section(page))?;
        page += &options.replace(".SH ", ".SS ");
    }
    page += &end(&command).to_roff();
    Ok(wrapped(&page).into_bytes())
}

/// A section of clap_mangen's, with the apostrophe of groff_char(7) in the place of a string that each
/// section would define.
fn rendered(render: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<String> {
    let mut section = Vec::new();
    render(&mut section)?;
    let section = String::from_utf8_lossy(&section);
    let lines = section.lines().filter(|line| !line.contains(".ds Aq"));
    let section: String = lines.flat_map(|line| [line, "\n"]).collect();
    Ok(section.replace(r"\*(Aq", r"\(aq"))
}

/// Until here a line of the source may reach, for mandoc(1).
const WIDTH: usize = 79;

/// Breaks long lines of text at blanks, which changes nothing of what is shown.
fn wrapped(page: &str) -> String {
    let mut wrapped = String::with_capacity(page.len());
    for line in page.lines() {
        let is_request = line.starts_with('.');
        let mut length = 0;
        for word in line.split(' ') {
            // What begins with these would be a request at the start of a line.
            let may_begin = !word.is_empty() && !word.starts_with(['.', '\'']);
            if length > 0 && length + 1 + word.len() > WIDTH && !is_request && may_begin {
                wrapped.push('\n');
                length = 0;
            } else if length > 0 {
                wrapped.push(' ');
                length += 1;
            }
            wrapped.push_str(word);
            length += word.len();
        }
        wrapped.push('\n');
    }
    wrapped
}

/// The usage of portwho and of each command, and what it is for.
fn beginning(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold(NAME), roman(" [OPTIONS] [PORT]...")]);
    for verb in command.get_subcommands() {
        roff.control("br", []);
        let (name, arguments) = usage(verb);
        roff.text([bold(name), roman(arguments)]);
    }
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman(text::DESCRIPTION)]);
    roff
}

/// `portwho kill` and ` [OPTIONS] PORT...`.
fn usage(verb: &Command) -> (String, String) {
    let whole = verb.clone().render_usage().to_string();
    let name = format!("{NAME} {}", verb.get_name());
    let arguments = whole.split_once(&name).map(|(_, arguments)| arguments.to_owned());
    (name, arguments.unwrap_or_default())
}

/// A section for a command.
fn of_command(verb: &Command) -> Roff {
    let (name, arguments) = usage(verb);
    let mut roff = Roff::new();
    roff.control("SH", [name.to_uppercase().as_str()]);
    roff.text([bold(name), roman(arguments)]);
    paragraph(&mut roff, verb.get_about().map(ToString::to_string).unwrap_or_default());
    for line in verb.get_after_help().map(ToString::to_string).unwrap_or_default().lines() {
        paragraph(&mut roff, line.to_owned());
    }
    roff
}

/// What stands below `--help`, and where to read on.
fn end(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["NOTES"]);
    let notes = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    for (number, line) in notes.lines().enumerate() {
        if number > 0 {
            roff.control("br", []);
        }
        roff.text([roman(line.trim_start())]);
    }
    roff.control("SH", ["EXAMPLES"]);
    for (example, meaning) in text::EXAMPLES {
        roff.control("TP", []);
        roff.text([bold(example)]);
        roff.text([roman(meaning)]);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(text::SEE_ALSO)]);
    roff
}

fn paragraph(roff: &mut Roff, text: String) {
    roff.control("PP", []);
    roff.text([roman(text)]);
}
