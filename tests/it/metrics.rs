//! Metrics of real sockets: on stdout and in a file, without rights, and where a table fails.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use crate::support::makers::{self, Loopback};
use crate::support::metrics::{masked, samples, value};
use crate::support::process::{Owner, can_become, can_strace, find_in_path};
use crate::support::{Scratch, features, mounts, portwho, skip, wait_until};

/// `nobody`.
const NOBODY: u32 = 65_534;

/// The text of a run that must have succeeded.
#[track_caller]
fn metrics(words: &[&str]) -> String {
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
fn server() -> crate::support::process::Process {
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
fn a_file_is_readable_by_all_whatever_the_umask() {
    let scratch = Scratch::new();
    let file = scratch.path().join("portwho.prom");
    let _server = server();
    let run = portwho([Path::new("metrics"), Path::new("--output"), &file]);
    run.through(["sh", "-c", "umask 077; exec \"$@\"", "sh"]).run().is(0, "", "");
    assert_eq!(fs::metadata(&file).expect("stat").permissions().mode() & 0o7777, 0o644);
    assert_eq!(masked(&fs::read_to_string(&file).expect("read")), masked(&metrics(&[])));
    let names: Vec<_> = fs::read_dir(scratch.path())
        .expect("list")
        .map(|one| one.expect("entry").file_name())
        .collect();
    assert_eq!(names, ["portwho.prom"]);
}

/// Links in the place of FILE and of temporaries, and what a killed run has left.
#[trial]
fn nothing_is_written_through_links() {
    let scratch = Scratch::new();
    let victim = scratch.path().join("victim");
    fs::write(&victim, "untouched").expect("write");
    let file = scratch.path().join("portwho.prom");
    symlink(&victim, &file).expect("link");
    // The PID of the next process is easily guessed: these are all that it may have.
    for pid in 1..=4096 {
        symlink(&victim, scratch.path().join(format!("portwho.prom.{pid}.tmp"))).expect("link");
    }
    let leftover = scratch.path().join("portwho.prom.4194303.tmp");
    fs::write(&leftover, "half").expect("write");
    let words = [Path::new("metrics"), Path::new("--output"), &file];
    for _ in 0..2 {
        portwho(words).run().is(0, "", "");
    }
    assert_eq!(fs::read_to_string(&victim).expect("read"), "untouched");
    assert!(fs::symlink_metadata(&file).expect("stat").is_file());
    assert!(!leftover.exists());
}

#[trial]
fn a_run_that_is_killed_leaves_the_old_file() {
    if !can_strace() {
        return;
    }
    let scratch = Scratch::new();
    let file = scratch.path().join("portwho.prom");
    fs::write(&file, "old\n").expect("write");
    let words = [Path::new("metrics"), Path::new("--output"), &file];
    let inject = "inject=rename,renameat,renameat2:signal=KILL:error=EIO";
    let killed = portwho(words).through(["strace", "-f", "-o", "/dev/null", "-e", inject]).run();
    assert_ne!(killed.code, Some(0), "{killed:?}");
    assert_eq!(fs::read_to_string(&file).expect("read"), "old\n");
    assert_eq!(fs::read_dir(scratch.path()).expect("list").count(), 2, "a leftover");
    portwho(words).run().is(0, "", "");
    assert!(fs::read_to_string(&file).expect("read").starts_with("# HELP portwho_"));
    assert_eq!(fs::read_dir(scratch.path()).expect("list").count(), 1, "no leftover");
}

#[trial]
fn what_cannot_be_written_is_a_failure() {
    let scratch = Scratch::new();
    let missing = scratch.path().join("missing/portwho.prom");
    let why = format!(
        "portwho: cannot write {}: No such file or directory (os error 2)\n",
        missing.display()
    );
    portwho([Path::new("metrics"), Path::new("--output"), &missing]).run().is(2, "", &why);
    let directory = scratch.path().join("a.prom");
    fs::create_dir(&directory).expect("mkdir");
    let output = portwho([Path::new("metrics"), Path::new("--output"), &directory]).run();
    output.is(2, "", &output.stderr);
    assert!(output.stderr.starts_with("portwho: cannot write "), "{output:?}");
    assert_eq!(fs::read_dir(scratch.path()).expect("list").count(), 1, "no temporary");
}

/// What was remembered and is lost is told once, and the next run has a file again.
#[trial]
fn what_was_remembered_and_is_lost_is_told() {
    let scratch = Scratch::new();
    let file = scratch.path().join("portwho.prom");
    let seen = scratch.path().join("portwho.prom.seen");
    let victim = scratch.path().join("victim");
    fs::write(&victim, "owner 1 2 3\n").expect("write");
    let lost = "what users had shown is forgotten: NewListener may name listeners that are not new";
    let anew = format!("it was replaced, and {lost}");
    let name = seen.display();
    let too_large = format!("cannot read {name}: File too large (os error 27); {anew}");
    let a_link =
        format!("cannot read {name}: Too many levels of symbolic links (os error 40); {anew}");
    let garbled = format!(
        "{name}: 2 lines are not portwho's; what stood there is forgotten, so that NewListener \
             may name listeners that are not new; let no other program write it"
    );
    let write = |text: Vec<u8>| fs::write(&seen, text).expect("write");
    let run = || portwho([Path::new("metrics"), Path::new("--output"), &file]).run();
    let cases: [(&dyn Fn(), String); 3] = [
        (&|| write(b"owner 1 2 3\n".repeat(400_000)), too_large),
        (&|| symlink(&victim, &seen).expect("link"), a_link),
        (&|| write(b"\xff\0nonsense\nowner 1 2 3\nowner 1 2 3".into()), garbled),
    ];
    for (spoil, why) in cases {
        let _ = fs::remove_file(&seen);
        spoil();
        run().is(0, "", &format!("portwho: {why}\n"));
        run().is(0, "", "");
        assert!(fs::symlink_metadata(&seen).expect("stat").is_file());
    }
}

/// A line that is read may be shorter than the one that is written of it. No more is written than the next
/// run reads: what was seen last.
#[trial]
fn no_more_is_remembered_than_is_read() {
    let scratch = Scratch::new();
    let file = scratch.path().join("portwho.prom");
    let seen = scratch.path().join("portwho.prom.seen");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_secs();
    let line = |number: u64| format!("owner 1 {number:x} {}\n", now - 1000 + number / 100);
    fs::write(&seen, (0..100_000).map(line).collect::<String>()).expect("write");
    let run = || portwho([Path::new("metrics"), Path::new("--output"), &file]).run();
    let length = "owner 0000000000000001 0000000000000002 1234567890\n".len();
    let kept = 4 * 1024 * 1024 / length;
    let forgotten = 100_000 - kept;
    let why = format!(
        "portwho: {}: only 4 MiB are kept of what users had shown: the {forgotten} that were seen longest \
         ago are forgotten, and NewListener may name listeners that are not new\n",
        seen.display()
    );
    run().is(0, "", &why);
    let text = fs::read_to_string(&seen).expect("read");
    assert_eq!(text.lines().count(), kept);
    assert!(
        text.contains(&format!(" {:016x} ", 99_999)) && !text.contains(&format!(" {:016x} ", 0))
    );
    run().is(0, "", "");
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
