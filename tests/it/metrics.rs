//! Metrics of real sockets: on stdout, without rights, and where a table fails.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::support::makers::{self, Loopback};
use crate::support::metrics::{samples, value};
use crate::support::process::{Owner, can_become};
use crate::support::programs::{can_strace, find_in_path};
use crate::support::{Scratch, features, mounts, portwho, skip, wait_until};

/// `nobody`.
const NOBODY: u32 = 65_534;

/// The text of a run that must have succeeded.
#[track_caller]
pub fn metrics(words: &[&str]) -> String {
    let output = portwho([&["metrics"], words].concat()).run();
    output.is(0, &output.stdout, &(features::remark_on_bound(&output) + remark_on_first()));
    output.stdout
}

/// What is said where it shows that a test has a network namespace of its own.
fn remark_on_first() -> &'static str {
    let of = |path: &str| fs::metadata(path).map(|metadata| metadata.ino()).ok();
    if of("/proc/1/ns/net").is_none_or(|first| Some(first) == of("/proc/self/ns/net")) {
        return "";
    }
    "portwho: some network namespaces may be missing (PID 1 is in another one): entering a network \
     namespace requires CAP_SYS_ADMIN and CAP_SYS_PTRACE: run portwho on the host, outside containers and \
     sandboxes\n"
}

/// As under PrivateNetwork= of systemd: the machine would look healthy, because nothing is there.
#[trial]
fn a_network_of_its_own_is_told() {
    // A shell is the first process, which may be asked.
    let wrapper = ["unshare", "--pid", "--fork", "--mount-proc", "sh", "-euc"];
    let gap = "portwho_gaps{kind=\"namespaces-unseen\"}";
    for (script, number) in [("\"$@\"; :", "0"), ("unshare --net \"$@\"; :", "1")] {
        let output = portwho(["metrics"]).through([&wrapper[..], &[script, "sh"]].concat()).run();
        assert_eq!(value(&output.stdout, gap), Some(number), "{output:?}");
        let is_told = output.stderr.contains("missing (PID 1 is in another one)");
        assert_eq!(is_told, number == "1", "{output:?}");
    }
}

/// A web server whose executable is that of the system's `sleep`.
pub fn server() -> crate::support::process::Process {
    Owner::named("web").holding(makers::listening(Loopback::V4.port(80)).socket)
}

#[trial]
fn of_a_listener() {
    if let Err(error) = mounts::hide_cgroups() {
        return skip(&format!("mount: {error}"));
    }
    let _server = server();
    let text = metrics(&[]);
    let owner = "process=\"sleep\",unit=\"\",container=\"\"";
    let place = "protocol=\"tcp\",bind=\"loopback\",port=\"80\"";
    for (sample, expected) in [
        (format!("portwho_sockets{{protocol=\"tcp\",state=\"LISTENING\",{owner}}}"), "1"),
        (format!("portwho_listener_info{{{place},{owner}}}"), "1"),
        (format!("portwho_listener_accept_queue_length{{{place}}}"), "0"),
        (format!("portwho_listener_drops_total{{{place}}}"), "0"),
        ("portwho_look_success{table=\"tcp6\"}".to_owned(), "1"),
        ("portwho_ephemeral_ports_used_ratio".to_owned(), "0"),
        ("portwho_series_merged".to_owned(), "0"),
    ] {
        assert_eq!(value(&text, &sample), Some(expected), "{sample}\n{text}");
    }
    assert_eq!(samples(&text, "portwho_process_max_fds").len(), 1, "{text}");
    assert_eq!(samples(&text, "portwho_check_success").len(), 20, "{text}");
    assert_eq!(samples(&text, "portwho_gaps").len(), 23, "{text}");
    let version = format!("{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    assert_eq!(samples(&text, "portwho_build_info"), [version.as_str()]);
}

/// What Prometheus' own parser says; only where it is installed.
#[trial]
fn promtool_finds_nothing_wrong() {
    if find_in_path("promtool").is_none() {
        return skip("there is no promtool");
    }
    let scratch = Scratch::new();
    let file = scratch.path().join("a.prom");
    let _server = server();
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/recorded/metrics");
    portwho([Path::new("metrics"), Path::new("--output"), &file]).run().is(0, "", "");
    for file in [file, recorded.join("linux.prom"), recorded.join("windows.prom")] {
        assert_eq!(promtool_says(&file).as_deref(), Some(""), "{}", file.display());
    }
}

/// What `promtool check metrics` says of a file, and how it ends; none where it is not installed.
pub fn promtool_says(file: &Path) -> Option<String> {
    find_in_path("promtool")?;
    let input = fs::File::open(file).expect("open");
    let said = Command::new("promtool").args(["check", "metrics"]).stdin(input).output();
    let said = said.expect("promtool");
    let text = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
    Some(if said.status.success() { text } else { format!("{text}{}", said.status) })
}

/// As under ProtectSystem=full of systemd, which many services have.
#[trial]
fn a_service_with_read_only_programs_has_its_name() {
    let script = "mount --bind /usr /usr; mount -o remount,bind,ro /usr; exec sleep 3600";
    let listener = makers::listening(Loopback::V4.port(80)).socket;
    let mut service = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-euc", script])
        .stdin(listener)
        .spawn()
        .expect("spawn");
    let executable = format!("/proc/{}/exe", service.id());
    wait_until("the service to run", || {
        fs::read_link(&executable).is_ok_and(|path| path.ends_with("sleep")).then_some(())
    });
    let text = metrics(&[]);
    service.kill().and_then(|()| service.wait()).expect("kill");
    assert!(samples(&text, "portwho_listener_info")[0].contains("process=\"sleep\""), "{text}");
}

#[trial]
fn a_second_look_makes_the_checks_that_require_it() {
    let _server = server();
    let text = metrics(&["--interval", "100ms"]);
    for sample in samples(&text, "portwho_check_success") {
        assert!(sample.ends_with(" 1") || !sample.contains("drops"), "{text}");
    }
}

#[trial]
fn wrong_values_are_usage_errors() {
    for (words, why) in [
        (&["--output", "a.txt"][..], "--output 'a.txt': FILE must end in .prom"),
        (
            &["--ports", "localhost:80"],
            "--ports 'localhost:80': only ports, without an address or protocol; example: 50051,33060",
        ),
        (
            &["--interval", "0"],
            "--interval '0': not a time of a day at most; examples: 1s, 0.5, 500ms",
        ),
        (
            &["--listen", "x"],
            "--listen 'x': not an address and a port; examples: 9467, 10.0.0.5:9467, [::1]:9467",
        ),
    ] {
        portwho([&["metrics"], words].concat()).run().is(2, "", &format!("portwho: {why}\n"));
    }
}

#[cfg(not(feature = "exporter"))]
#[trial]
fn serving_is_a_feature() {
    let why = "portwho: --listen: this portwho was built without it; build it with: --features exporter\n";
    portwho(["metrics", "--listen", "9467"]).run().is(2, "", why);
}

#[trial]
fn without_rights_gaps_are_counted() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let _server = server();
    let output = portwho(["metrics"]).user(NOBODY).run();
    output.is(0, &output.stdout, &output.stderr);
    assert!(output.stderr.contains("the owners of 1 socket are hidden"), "{output:?}");
    let text = output.stdout;
    assert_eq!(value(&text, "portwho_gaps{kind=\"owners-hidden\"}"), Some("1"), "{text}");
    for kind in ["dead-descriptors", "descriptors-nearly-used"] {
        let made = value(&text, &format!("portwho_check_success{{kind=\"{kind}\"}}"));
        assert_eq!(made, Some("0"), "{kind}\n{text}");
    }
    let sockets = samples(&text, "portwho_sockets");
    assert_eq!(sockets.len(), 1, "{text}");
    assert!(sockets[0].contains("process=\"other\""), "{text}");
}

/// The first answer of the kernel, for both families, is no answer, and neither is that for the first of them.
#[trial]
fn a_table_that_fails_is_omitted() {
    if !can_strace() {
        return;
    }
    let _server = server();
    let _udp = makers::udp(Loopback::V4.port(123));
    let inject = ["-e", "trace=recvfrom", "-e", "inject=recvfrom:retval=0:when=1..2"];
    let wrapper = [&["strace", "-f", "-o", "/dev/null"], &inject[..]].concat();
    let output = portwho(["metrics"]).through(wrapper).run();
    output.is(0, &output.stdout, &output.stderr);
    let text = output.stdout;
    let failed: Vec<&str> = samples(&text, "portwho_look_success")
        .into_iter()
        .filter(|one| one.ends_with(" 0"))
        .collect();
    assert_eq!(failed, ["{table=\"tcp\"} 0"], "{text}");
    assert!(!text.contains("protocol=\"tcp\""), "{text}");
    assert_eq!(samples(&text, "portwho_sockets").len(), 1, "{text}");
}

#[trial]
fn where_nothing_can_be_read_nothing_is_written() {
    if let Err(error) = mounts::empty_proc() {
        return skip(&format!("mount: {error}"));
    }
    crate::support::refuse::netlink(1);
    let scratch = Scratch::new();
    let file = scratch.path().join("portwho.prom");
    let output = portwho([Path::new("metrics"), Path::new("--output"), &file]).run();
    output.is(2, "", &output.stderr);
    assert!(output.stderr.starts_with("portwho: netlink refused"), "{output:?}");
    assert!(!file.exists());
}
