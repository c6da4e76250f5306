//! Metrics in a file: who may read it, what is in its place, and what is remembered beside it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::SystemTime;

use crate::metrics::{metrics, server};
use crate::support::metrics::masked;
use crate::support::programs::can_strace;
use crate::support::{Scratch, portwho};

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
