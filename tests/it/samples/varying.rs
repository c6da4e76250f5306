//! What varies between two runs of a sample, and what a page shows instead.

/// The text with the PIDs that the page shows, in columns of the same width.
pub fn with_pids_of_the_page(text: &str, pids: &[(u32, u32)]) -> String {
    text.lines().map(|line| pids_in(line, pids) + "\n").collect()
}

/// The command with the PIDs of the running processes.
pub fn with_pids_of_now(command: &str, pids: &[(u32, u32)]) -> String {
    let now = |part: &str| pids.iter().find(|(_, shown)| shown.to_string() == part);
    let parts = numbers_and_others(command).into_iter();
    parts.map(|part| now(part).map_or(part.to_owned(), |(pid, _)| pid.to_string())).collect()
}

fn pids_in(line: &str, pids: &[(u32, u32)]) -> String {
    if line.starts_with("  TCP") || line.starts_with("  UDP") {
        return pids_in_socket(line, pids);
    }
    let mut out = String::new();
    for part in numbers_and_others(line) {
        let pid = pids.iter().find(|(pid, _)| pid.to_string() == part);
        match pid {
            None => out.push_str(part),
            // The column of a table of processes is aligned to the right.
            Some((_, shown)) if out.ends_with("  ") => {
                out.push_str(&format!("{shown:>width$}", width = part.len()));
            }
            Some((_, shown)) => out.push_str(&shown.to_string()),
        }
    }
    out
}

/// A row of the table of sockets: its PID column has a width, whatever the PIDs are.
fn pids_in_socket(line: &str, pids: &[(u32, u32)]) -> String {
    /// Where the PID begins, unless a long address moves it.
    const COLUMN: usize = 71;
    let (ends, owner) = line.split_at(COLUMN);
    let (first, rest) = owner.split_once(' ').expect("a name");
    // `812 +4` is one cell.
    let more = rest.split(' ').next().filter(|word| word.starts_with('+'));
    let name = rest[more.map_or(0, str::len)..].trim_start();
    let page = |part: &str| {
        let known = pids.iter().find(|(pid, _)| pid.to_string() == part);
        known.map_or(part.to_owned(), |(_, shown)| shown.to_string())
    };
    let cell: String = numbers_and_others(first).into_iter().map(page).collect();
    let cell = [Some(cell.as_str()), more].into_iter().flatten().collect::<Vec<_>>().join(" ");
    format!("{ends}{cell:<8} {name}")
}

/// The parts of a line, those of digits alone and those without digits in turn.
fn numbers_and_others(line: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let is_other = |char: char| char.is_ascii_digit() != first.is_ascii_digit();
        let (part, after) = rest.split_at(rest.find(is_other).unwrap_or(rest.len()));
        parts.push(part);
        rest = after;
    }
    parts
}

/// The text without durations, memory, sessions, and how many descriptors are open: the program
/// inherits some from whoever started the tests, and the limit.
pub fn removed(text: &str) -> String {
    text.lines().map(|line| line_without(line) + "\n").collect()
}

fn line_without(line: &str) -> String {
    if let Some(process) = process_row(line) {
        return process;
    }
    let line = without_number_behind(line, "\"after_ms\":");
    let words: Vec<&str> = line.split(' ').collect();
    let mut out: Vec<String> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let is_count = word.parse::<f64>().is_ok();
        let unit = words.get(at + 1).is_some_and(|next| matches!(bare(next), "s" | "ms"));
        let duration = is_duration(bare(word));
        // `126 of 20000 descriptors are open`
        let of_descriptors = matches!(
            words[at + 1..],
            ["of", _, "descriptors", ..] | ["descriptors", "are", "open", ..]
        );
        match () {
            () if of_descriptors => out.push("N".to_owned()),
            () if is_count && unit => out.push("N".to_owned()),
            // `1m 5s` is one duration.
            () if duration && out.last().is_some_and(|last| last == "N") => {}
            () if duration => out.push("N".to_owned()),
            () => out.push((*word).to_owned()),
        }
    }
    out.join(" ")
}

/// JSON has milliseconds without a unit.
fn without_number_behind(line: &str, field: &str) -> String {
    let Some((before, after)) = line.split_once(field) else { return line.to_owned() };
    format!("{before}{field}{}", after.trim_start_matches(|char: char| char.is_ascii_digit()))
}

/// Image and PID of a row such as `nginx   812 pts/0   7626   18,608 K`.
fn process_row(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [image, pid, _session, number, memory, "K"] = words.as_slice() else { return None };
    let is_row = pid.parse::<u32>().is_ok() && number.parse::<u32>().is_ok();
    (is_row && memory.ends_with(|char: char| char.is_ascii_digit()))
        .then(|| format!("{image} {pid}"))
}

fn is_duration(word: &str) -> bool {
    let number = word.trim_end_matches(|char: char| char.is_ascii_lowercase());
    let unit = &word[number.len()..];
    matches!(unit, "ms" | "s" | "m" | "h" | "d") && number.parse::<f64>().is_ok()
}

fn bare(word: &str) -> &str {
    word.trim_matches(|char: char| "(),:;.".contains(char))
}
