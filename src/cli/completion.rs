//! What a shell asks for while a command line is typed.

use std::ffi::OsString;

/// The variable that says so, with the name of the shell. The scripts that `portwho generate`
/// prints set it.
pub const COMPLETION: &str = "PORTWHO_COMPLETE";

/// A request for what may stand in the place of one word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompletionRequest {
    /// The name of the shell.
    pub shell: String,
    /// The words of the command line, the program's name first, up to the one in question at least.
    pub words: Vec<OsString>,
}

/// The request in `words`, the arguments of this process, where [`COMPLETION`] names a shell.
#[must_use]
pub fn completion(
    shell: Option<OsString>,
    words: impl IntoIterator<Item = OsString>,
) -> Option<CompletionRequest> {
    let shell = shell?.into_string().ok().filter(|shell| !shell.is_empty())?;
    // What stands before `--` is for portwho, and of no use here.
    let words: Vec<OsString> = words.into_iter().skip_while(|word| word != "--").skip(1).collect();
    Some(CompletionRequest { shell, words })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_command_line_follows_two_dashes() {
        let asked = completion(Some("bash".into()), words("portwho -- portwho kill -- 8"));
        let expected =
            CompletionRequest { shell: "bash".to_owned(), words: words("portwho kill -- 8") };
        assert_eq!(asked, Some(expected));
        assert_eq!(completion(None, words("portwho -- portwho")), None);
        assert_eq!(completion(Some("".into()), words("portwho -- portwho")), None);
        assert_eq!(
            completion(Some("zsh".into()), words("portwho 80")).unwrap().words,
            words("")[1..]
        );
    }
}
