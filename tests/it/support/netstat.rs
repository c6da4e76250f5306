//! The netstat table as the specification draws it, computed here a second time: what the
//! program prints is compared with this, to the column.

/// A row of the netstat table.
#[derive(Clone)]
pub struct SocketRow {
    cells: [String; 5],
    image: Option<String>,
}

impl SocketRow {
    /// With this in its last column: a name, or in parentheses why there is none.
    pub fn image(mut self, image: impl ToString) -> Self {
        self.image = Some(image.to_string());
        self
    }

    /// With the names of the owners of its PID cell, which `processes` has in the order of their
    /// PIDs, where it has none yet.
    #[cfg(target_os = "linux")]
    pub fn named(&mut self, processes: &[(String, u32)]) {
        if self.image.is_some() {
            return;
        }
        let cell = self.cells[4].as_str();
        let is_owner = |pid: u32| cell.split(',').any(|listed| listed == pid.to_string());
        // `812 +7` has all of them.
        let owners = processes.iter().filter(|(_, pid)| cell.contains(" +") || is_owner(*pid));
        let mut names: Vec<&str> = owners.map(|(name, _)| name.as_str()).collect();
        names.dedup();
        self.image = Some(names.join(",")).filter(|names| !names.is_empty());
    }

    /// The PID, where it is the only one and has no name yet.
    #[cfg(target_os = "linux")]
    pub fn unnamed_pid(&self) -> Option<u32> {
        self.cells[4].parse().ok().filter(|_| self.image.is_none())
    }

    fn last(&self) -> &str {
        self.image.as_deref().unwrap_or_else(|| panic!("no image name: {:?}", self.cells))
    }
}

/// A row of the netstat table; an empty `state` is UDP's.
pub fn socket(
    protocol: &str,
    local: impl ToString,
    foreign: impl ToString,
    state: &str,
    pid: impl ToString,
) -> SocketRow {
    let pid = pid.to_string();
    SocketRow {
        image: (pid == "0").then(|| reason(state).to_owned()),
        cells: [protocol.to_owned(), local.to_string(), foreign.to_string(), state.to_owned(), pid],
    }
}

/// Why a socket in this state has no owner.
fn reason(state: &str) -> &'static str {
    match state {
        "TIME_WAIT" => "(time-wait)",
        "SYN_RECEIVED" => "(syn-received)",
        "ESTABLISHED" | "CLOSE_WAIT" => "(not-accepted)",
        _ => "(orphaned)",
    }
}

/// The whole netstat table; a cell longer than its column widens it for all rows.
pub fn netstat(rows: &[SocketRow]) -> String {
    const TITLES: [&str; 6] =
        ["Proto", "Local Address", "Foreign Address", "State", "PID", "Image Name"];
    const WIDTHS: [usize; 5] = [6, 22, 22, 15, 8];
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row.cells[column].chars().count());
        cells.max().unwrap_or(0).max(WIDTHS[column])
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    let line = |cells: [&str; 6]| {
        let mut line = " ".to_owned();
        for (cell, width) in cells.iter().zip(&widths) {
            line.push_str(&format!(" {cell:<width$}"));
        }
        line.push_str(&format!(" {}", cells[5]));
        line.trim_end().to_owned() + "\n"
    };
    let mut table = format!("\nActive Connections\n\n{}", line(TITLES));
    for row in rows {
        let [protocol, local, foreign, state, pid] = row.cells.each_ref().map(String::as_str);
        table.push_str(&line([protocol, local, foreign, state, pid, row.last()]));
    }
    table
}
