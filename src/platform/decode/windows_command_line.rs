//! A command line of Windows, which is one text, in the arguments that its program reads out of it, by
//! the rules of Microsoft's C runtime ("Parsing C command-line arguments").

const QUOTE: u16 = b'"' as u16;
const BACKSLASH: u16 = b'\\' as u16;

/// The arguments of a command line, the program first.
#[must_use]
pub fn arguments(line: &[u16]) -> Vec<Vec<u16>> {
    let mut rest = line;
    let mut arguments = vec![program(&mut rest)];
    loop {
        let blanks = rest.iter().take_while(|unit| is_blank(**unit)).count();
        rest = rest.get(blanks..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
        arguments.push(argument(&mut rest));
    }
    if line.is_empty() { Vec::new() } else { arguments }
}

const fn is_blank(unit: u16) -> bool {
    unit == b' ' as u16 || unit == b'\t' as u16
}

/// The program ends with a blank outside of quotation marks; a backslash is a part of its path.
fn program(rest: &mut &[u16]) -> Vec<u16> {
    let mut is_quoted = false;
    let mut program = Vec::new();
    while let Some((&unit, tail)) = rest.split_first() {
        if is_blank(unit) && !is_quoted {
            break;
        }
        *rest = tail;
        if unit == QUOTE {
            is_quoted = !is_quoted;
        } else {
            program.push(unit);
        }
    }
    program
}

/// Of 2n backslashes before a quotation mark n are meant and the mark quotes; of 2n + 1, n are meant and
/// the mark too. Elsewhere a backslash is itself. Two marks inside of quotation are one that is meant.
fn argument(rest: &mut &[u16]) -> Vec<u16> {
    let mut is_quoted = false;
    let mut argument = Vec::new();
    while let Some((&unit, tail)) = rest.split_first() {
        match unit {
            _ if is_blank(unit) && !is_quoted => break,
            BACKSLASH => backslashes(rest, &mut argument),
            QUOTE if is_quoted && tail.first() == Some(&QUOTE) => {
                argument.push(QUOTE);
                *rest = tail.get(1..).unwrap_or_default();
            }
            QUOTE => {
                is_quoted = !is_quoted;
                *rest = tail;
            }
            _ => {
                argument.push(unit);
                *rest = tail;
            }
        }
    }
    argument
}

fn backslashes(rest: &mut &[u16], argument: &mut Vec<u16>) {
    let count = rest.iter().take_while(|unit| **unit == BACKSLASH).count();
    let is_before_quote = rest.get(count) == Some(&QUOTE);
    let meant = if is_before_quote { count / 2 } else { count };
    argument.extend(std::iter::repeat_n(BACKSLASH, meant));
    let is_quote_meant = is_before_quote && count % 2 == 1;
    if is_quote_meant {
        argument.push(QUOTE);
    }
    *rest = rest.get(count + usize::from(is_quote_meant)..).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> Vec<String> {
        let line: Vec<u16> = line.encode_utf16().collect();
        arguments(&line).iter().map(|part| String::from_utf16(part).unwrap()).collect()
    }

    /// The table of the documentation.
    #[test]
    fn the_documented_examples() {
        for (line, expected) in [
            (r#""a b c" d e"#, ["a b c", "d", "e"]),
            (r#""ab\"c" "\\" d"#, [r#"ab"c"#, r"\", "d"]),
            (r#"a\\\b d"e f"g h"#, [r"a\\\b", "de fg", "h"]),
            (r#"a\\\"b c d"#, [r#"a\"b"#, "c", "d"]),
            (r#"a\\\\"b c" d e"#, [r"a\\b c", "d", "e"]),
        ] {
            assert_eq!(parts(&format!("x {line}"))[1..], expected, "{line}");
        }
        assert_eq!(parts(r#"x a"b"" c d"#)[1..], [r#"ab" c d"#]);
    }

    #[test]
    fn the_program_may_be_quoted_and_has_backslashes() {
        let line = r#""C:\Program Files\web\" -p  80 "#;
        assert_eq!(parts(line), [r"C:\Program Files\web\", "-p", "80"]);
        assert_eq!(parts("svchost.exe -k LocalService"), ["svchost.exe", "-k", "LocalService"]);
        assert_eq!(parts(""), [""; 0]);
        assert_eq!(parts("\"\" a"), ["", "a"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(line: Vec<u16>) {
            let _ = arguments(&line);
        }

        #[test]
        fn words_without_marks_stay_as_they_are(words in proptest::collection::vec("[a-z\\\\]{1,9}", 1..5)) {
            proptest::prop_assert_eq!(parts(&words.join(" ")), words);
        }
    }
}
