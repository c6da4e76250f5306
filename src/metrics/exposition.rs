//! Prometheus' text format 0.0.4: lines that end in LF, no times, nothing of OpenMetrics, of which
//! node_exporter refuses a file whole.

use std::io::{self, Write};

use super::{Family, Kind, LabelSet};

/// Writes the families, sorted by name. Each has its HELP and its TYPE, without samples too.
///
/// # Errors
/// When it cannot be written.
pub fn write(families: &[Family], out: &mut dyn Write) -> io::Result<()> {
    let mut sorted: Vec<&Family> = families.iter().collect();
    sorted.sort_by_key(|family| family.metric.name);
    for family in sorted {
        let name = family.metric.name;
        let kind = match family.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        writeln!(out, "# HELP {name} {}", help(family.metric.help))?;
        writeln!(out, "# TYPE {name} {kind}")?;
        for (labels, value) in family.samples() {
            writeln!(out, "{name}{} {value}", braces(labels))?;
        }
    }
    Ok(())
}

/// `{protocol="tcp",port="80"}`; nothing without labels.
fn braces(labels: &LabelSet) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let pairs = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value.as_str())));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

/// The value of a label between its quotation marks.
fn quoted(value: &str) -> String {
    help(value).replace('"', "\\\"")
}

/// The text of a HELP, in which a quotation mark is one.
fn help(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::LabelValue;
    use crate::text::metrics::Metric;

    fn text(families: &[Family]) -> String {
        let mut out = Vec::new();
        write(families, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    const B: Metric = Metric { name: "b_total", help: "Back\\slash,\nline and \"quotes\"." };
    const A: Metric = Metric { name: "a", help: "First." };

    #[test]
    fn families_are_sorted_and_empty_ones_are_explained() {
        assert_eq!(
            text(&[Family::counter(B), Family::single(A, 0.5)]),
            "# HELP a First.\n# TYPE a gauge\na 0.5\n\
             # HELP b_total Back\\\\slash,\\nline and \"quotes\".\n# TYPE b_total counter\n"
        );
    }

    #[test]
    fn samples_are_sorted_and_their_labels_quoted() {
        let mut family = Family::gauge(A);
        let label = |text: &str| LabelValue::of(&text.into());
        family.add(vec![("x", label("b")), ("y", LabelValue::NONE)], 1.0);
        family.add(vec![("x", label("a\"\n\\")), ("y", LabelValue::NONE)], 2.0);
        family.add(vec![("x", label("b")), ("y", LabelValue::NONE)], 1e9);
        assert_eq!(
            text(&[family]),
            "# HELP a First.\n# TYPE a gauge\n\
             a{x=\"a\\\"\\\\n\\\\\\\\\",y=\"\"} 2\na{x=\"b\",y=\"\"} 1000000001\n"
        );
    }
}
