//! What Windows' `netsh http show servicestate view=requestq` prints of HTTP.sys. Its words are in the user's
//! language, so only patterns are read: URLs, and lines with a number and the path of an executable.

use crate::model::{Pid, ServedUrl, Untrusted};

/// The URLs, each with the processes of its request queue. A queue lists its processes and then its URLs;
/// what is not followed by a URL before the next empty line belongs to no URL.
#[must_use]
pub fn served_urls(text: &str) -> Vec<ServedUrl> {
    let mut urls: Vec<ServedUrl> = Vec::new();
    let mut processes = Vec::new();
    let mut was_url = false;
    for line in text.lines().map(str::trim) {
        if let Some(port) = port(line) {
            was_url = true;
            let url = Untrusted::from(line);
            urls.push(ServedUrl { url, port, processes: processes.clone() });
        } else if let Some(process) = process(line) {
            if was_url {
                processes.clear();
            }
            was_url = false;
            processes.push(process);
        } else if line.is_empty() {
            processes.clear();
        }
    }
    urls
}

/// The port of a line that is a URL and nothing else: `HTTP://+:80/APP/`, `http://[::1]:80:[::1]/`.
fn port(line: &str) -> Option<u16> {
    let (scheme, rest) = line.split_once("://")?;
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let behind_host = match rest.strip_prefix('[') {
        Some(host) => host.split_once(']')?.1.strip_prefix(':')?,
        None => rest.split_once(':')?.1,
    };
    let digits = behind_host.split(|char: char| !char.is_ascii_digit()).next()?;
    let is_url = is_http && !line.contains(char::is_whitespace) && rest.contains('/');
    digits.parse().ok().filter(|port| is_url && *port != 0)
}

/// The process of a line with a number before the path of an executable: `ID: 4711, image: C:\a b\w3wp.exe`.
fn process(line: &str) -> Option<(Pid, Untrusted)> {
    let at = line.match_indices(":\\").map(|(at, _)| at).next()?.checked_sub(1)?;
    let (before, path) = (line.get(..at)?, line.get(at..)?);
    let is_path = path.starts_with(|drive: char| drive.is_ascii_alphabetic())
        && path.to_ascii_lowercase().ends_with(".exe");
    let mut numbers = before.split(|char: char| !char.is_ascii_digit()).filter(|it| !it.is_empty());
    let (number, others) = (numbers.next()?, numbers.next());
    let pid = number.parse().ok().filter(|pid| is_path && others.is_none() && *pid != 0)?;
    Some((Pid(pid), Untrusted::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GERMAN: &str = "\r\nMomentaufnahme des HTTP-Dienststatus (Anforderungswarteschlangenansicht): \r\n\
        -----------------------------------------------------\r\n\r\n\
        Name der Anforderungswarteschlange: DefaultAppPool\r\n    Version: 2.0\r\n    Prozesse:\r\n\
        \x20       ID: 4711, Bild: C:\\Windows\\System32\\inetsrv\\w3wp.exe\r\n\
        \x20       ID: 4712, Bild: C:\\Program Files\\a b\\w3wp.exe\r\n    Registrierte URLs:\r\n\
        \x20       HTTP://*:80/\r\n        HTTPS://[::1]:443:[::1]/APP/\r\n\r\n\
        Name der Anforderungswarteschlange: ohne\r\n    Registrierte URLs:\r\n        HTTP://+:80/SELTEN/\r\n\
        \x20       ID: 9, Bild: C:\\x\\y.exe\r\n        HTTP://HOST:8080/X/\r\n";

    #[test]
    fn urls_have_the_processes_before_them() {
        let found = served_urls(GERMAN);
        let pids = |one: &ServedUrl| one.processes.iter().map(|(pid, _)| pid.0).collect::<Vec<_>>();
        let found: Vec<_> =
            found.iter().map(|one| (one.url.to_lossy(), one.port, pids(one))).collect();
        let url = |url: &str, port, pids: &[u32]| (url.to_owned(), port, pids.to_vec());
        let expected = [
            url("HTTP://*:80/", 80, &[4711, 4712]),
            url("HTTPS://[::1]:443:[::1]/APP/", 443, &[4711, 4712]),
            url("HTTP://+:80/SELTEN/", 80, &[]),
            url("HTTP://HOST:8080/X/", 8080, &[9]),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_number_alone_is_no_process() {
        for line in
            ["4711", "ID: 4711", "C:\\a.exe", "1 2 C:\\a.exe", "ID: 4711 C:\\a.dll", "0 C:\\a.exe"]
        {
            assert_eq!(process(line), None, "{line}");
        }
        for line in ["http://+/", "ftp://a:80/", "http://a:0/", "http://a:80", "URL http://a:80/ x"]
        {
            assert_eq!(port(line), None, "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = served_urls(&text);
        }
    }
}
