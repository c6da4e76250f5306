//! netsh's list of what HTTP.sys serves: every URL is a line with its port, every process stands in a line
//! before it, with its number and its path.

use portwho::platform::decode::http_sys::served_urls;

pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut from = 0;
    for served in served_urls(&text) {
        let url = served.url.to_lossy();
        let found = lines.iter().skip(from).position(|line| **line == *url);
        let at = from + found.expect("a URL is a line, in the order of the text");
        from = at + 1;
        assert!(served.port != 0 && url.contains(&format!(":{}", digits(&url, served.port))));
        for (pid, path) in served.processes {
            let path = path.to_lossy();
            let is_its = |line: &&str| {
                let before = line.strip_suffix(path.as_str());
                before.is_some_and(|before| tells(before, pid.0))
            };
            assert!(pid.0 != 0 && lines[..at].iter().any(is_its), "{pid:?} {path}");
        }
    }
}

/// The port as the URL writes it: leading zeros are read.
fn digits(url: &str, port: u16) -> String {
    let mut written = port.to_string();
    while !url.contains(&format!(":{written}")) && written.len() < url.len() {
        written.insert(0, '0');
    }
    written
}

fn tells(before: &str, pid: u32) -> bool {
    before.split(|char: char| !char.is_ascii_digit()).any(|word| word.parse() == Ok(pid))
}
