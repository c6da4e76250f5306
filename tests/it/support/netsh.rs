//! A stand-in for `netsh.exe`, which this test binary plays: it prints what a lab decides.

use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs, io};

use super::lab::{ENDLESS, SCRIPT, file_of};
use super::skip::skip_stand_in;
use super::wine;

/// What netsh prints of a machine that sets nothing aside, in French.
const DYNAMIC: &str = "\r\nPlage de ports dynamique du protocole tcp\r\n\
    ---------------------------------\r\nPort de d\u{82}marrage : 49152\r\nNombre de ports     : 16384\r\n\r\n";

/// Plays netsh, if this binary was started as that: prints what the test decided.
pub fn played_netsh() -> Option<ExitCode> {
    let program = env::current_exe().ok()?;
    if program.file_stem()?.to_str()? != "netsh" {
        return None;
    }
    let words: Vec<String> = env::args().skip(1).collect();
    let folder = env::var_os(SCRIPT).map(|path| PathBuf::from(path).with_file_name("netsh"));
    let output = folder.and_then(|path| fs::read(path.join(file_of(&words.join(" ")))).ok());
    let is_dynamic = words.iter().any(|word| word == "dynamicport");
    let is_http = words.iter().any(|word| word == "servicestate");
    let usual = || match (is_dynamic, is_http) {
        (true, _) => DYNAMIC.into(),
        (_, true) => b"\r\n---------\r\n".to_vec(),
        _ => Vec::new(),
    };
    let output = output.unwrap_or_else(usual);
    if output == ENDLESS.as_bytes() {
        loop {
            std::thread::park();
        }
    }
    io::Write::write_all(&mut io::stdout(), &output).expect("write");
    Some(ExitCode::SUCCESS)
}

/// Wine's netsh, which prints nothing, is this binary until it is dropped.
pub struct Netsh {
    replaced: Option<Vec<u8>>,
}

const NETSH: &str = r"C:\windows\system32\netsh.exe";

impl Netsh {
    /// Replaces it; nothing is done on a real Windows.
    pub fn replace() -> Self {
        if !wine::is_wine() {
            return Self { replaced: None };
        }
        wine::set(r"HKCU\Software\Wine\DllOverrides", "netsh.exe", "native,builtin");
        let replaced = fs::read(NETSH).expect("read netsh");
        fs::copy(env::current_exe().expect("own path"), NETSH).expect("replace netsh");
        Self { replaced: Some(replaced) }
    }
}

impl Drop for Netsh {
    fn drop(&mut self) {
        if let Some(replaced) = &self.replaced {
            // A test that failed may have left one running.
            let _ = fs::write(NETSH, replaced);
        }
    }
}

/// Whether a test decides what netsh prints; a skip where that is the system's own.
pub fn has_netsh() -> bool {
    let is_ours = wine::is_wine();
    if !is_ours {
        skip_stand_in("Windows' own netsh cannot be replaced (it is found by GetSystemDirectoryW)");
    }
    is_ours
}
