//! What the man page has beside the help.

/// What the program is for.
pub const DESCRIPTION: &str = "\
portwho finds the process that holds a TCP or UDP port, terminates it and checks that the port is \
free, closes individual connections, explains socket states, and prints metrics for Prometheus. Without a command it lists sockets and \
the processes that own them, in the format of Windows' netstat -aon and tasklist.";

/// Command lines, and what they do.
pub const EXAMPLES: [(&str, &str); 9] = [
    ("portwho 8080", "Show which process holds port 8080."),
    ("portwho kill 8080", "Terminate it, and check that the port is free."),
    ("portwho kill 53/udp", "Do the same for UDP port 53."),
    ("portwho wait 8080", "Wait until something listens on port 8080."),
    ("portwho watch 8080", "Show connections to port 8080 open, change and close."),
    ("portwho --listening --name nginx", "Show where nginx listens."),
    ("portwho --state CLOSE_WAIT", "Show the sockets in a state, with their owners."),
    ("portwho doctor", "Check for leaks, full queues, and exhausted ports and descriptors."),
    ("portwho metrics", "Print metrics for Prometheus."),
];

/// Pages on the same subjects.
pub const SEE_ALSO: &str = "ss(8), lsof(8), netstat(8), fuser(1), kill(1), tcp(7), udp(7)";
