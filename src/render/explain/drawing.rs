//! What travels between the two sides, drawn in characters.

use std::io::{self, Write};

use anstyle::Style as Ansi;

use crate::text::states::{Moment, Segment};

/// Writes the exchange, with a title.
pub(super) fn write(exchange: &[Moment], title: Ansi, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  {title}{:HERE$}{:ARROW$}  peer{title:#}", "here", "")?;
    for moment in exchange {
        writeln!(out, "{}", drawn(moment).trim_end())?;
    }
    Ok(())
}

/// The widths of the columns of an exchange.
const HERE: usize = 20;
const ARROW: usize = 34;

fn drawn(moment: &Moment) -> String {
    let arrow = match moment.segment {
        Segment::None => String::new(),
        Segment::Sent(what) => format!("{}>", line(what, ARROW - 1)),
        Segment::Received(what) => format!("<{}", line(what, ARROW - 1)),
        Segment::Lost(what) => format!("{}> x", line(what, ARROW - 10)),
        Segment::Crossing(what) => {
            let half = ARROW / 2 - 1;
            format!("{}><{}", line(what, half), line(what, half))
        }
    };
    format!("  {:HERE$}{arrow:ARROW$}  {}", moment.here, moment.peer)
}

/// A line with a word in the middle.
fn line(word: &str, width: usize) -> String {
    format!("{:-^width$}", format!(" {word} "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_points_where_the_segment_goes() {
        let moment = |segment| Moment { here: "LAST_ACK", segment, peer: "TIME_WAIT" };
        assert_eq!(
            drawn(&moment(Segment::Sent("FIN"))),
            "  LAST_ACK            -------------- FIN -------------->  TIME_WAIT"
        );
        assert_eq!(
            drawn(&moment(Segment::Received("FIN"))),
            "  LAST_ACK            <-------------- FIN --------------  TIME_WAIT"
        );
        assert_eq!(
            drawn(&moment(Segment::Lost("FIN"))),
            "  LAST_ACK            --------- FIN ----------> x         TIME_WAIT"
        );
    }
}
