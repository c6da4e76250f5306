//! What container runtimes keep on disk: the names of their containers, and their addresses.

use std::net::IpAddr;

use serde::Deserialize;

use super::DecodeError;

/// What Docker's `config.v2.json` says about a container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DockerContainer {
    /// Its whole id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it runs: one that was stopped keeps the address that another may have by now.
    pub running: bool,
    /// Its addresses in Docker's networks.
    pub addresses: Vec<IpAddr>,
}

/// Reads `/var/lib/docker/containers/ID/config.v2.json`.
///
/// # Errors
/// [`DecodeError::Malformed`] when it is no such file.
pub fn docker_container(file: &[u8]) -> Result<DockerContainer, DecodeError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct File {
        #[serde(rename = "ID")]
        id: String,
        name: String,
        state: State,
        #[serde(default)]
        network_settings: NetworkSettings,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct State {
        #[serde(default)]
        running: bool,
    }
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "PascalCase")]
    struct NetworkSettings {
        #[serde(default)]
        networks: Option<std::collections::BTreeMap<String, Network>>,
    }
    #[derive(Deserialize)]
    struct Network {
        #[serde(rename = "IPAddress", default)]
        v4: String,
        #[serde(rename = "GlobalIPv6Address", default)]
        v6: String,
    }
    let file: File = serde_json::from_slice(file).map_err(|_| DecodeError::Malformed)?;
    let networks = file.network_settings.networks.unwrap_or_default();
    let addresses = networks.values().flat_map(|network| [&network.v4, &network.v6]);
    Ok(DockerContainer {
        id: file.id,
        name: file.name.trim_start_matches('/').to_owned(),
        running: file.state.running,
        addresses: addresses.filter_map(|address| address.parse().ok()).collect(),
    })
}

/// Reads the `containers.json` of containers-storage, which podman and CRI-O use: ids with names.
///
/// # Errors
/// [`DecodeError::Malformed`] when it is no such file.
pub fn storage_names(file: &[u8]) -> Result<Vec<(String, String)>, DecodeError> {
    #[derive(Deserialize)]
    struct Entry {
        id: String,
        #[serde(default)]
        names: Option<Vec<String>>,
    }
    let entries: Vec<Entry> = serde_json::from_slice(file).map_err(|_| DecodeError::Malformed)?;
    let name = |entry: Entry| Some((entry.id, entry.names?.into_iter().next()?));
    Ok(entries.into_iter().filter_map(name).collect())
}

/// Reads a container's OCI `config.json` for the name that its runtime annotated: nerdctl's own,
/// or Kubernetes' as `pod/container`.
///
/// # Errors
/// [`DecodeError::Malformed`] when it is no such file.
pub fn oci_name(file: &[u8]) -> Result<Option<String>, DecodeError> {
    #[derive(Deserialize)]
    struct File {
        #[serde(default)]
        annotations: std::collections::BTreeMap<String, String>,
    }
    let file: File = serde_json::from_slice(file).map_err(|_| DecodeError::Malformed)?;
    let get = |key: &str| file.annotations.get(key).filter(|name| !name.is_empty()).cloned();
    let pod = get("io.kubernetes.cri.sandbox-name").or_else(|| get("io.kubernetes.pod.name"));
    let container =
        get("io.kubernetes.cri.container-name").or_else(|| get("io.kubernetes.container.name"));
    let in_pod = match (pod, container) {
        (Some(pod), Some(container)) => Some(format!("{pod}/{container}")),
        (pod, container) => container.or(pod),
    };
    Ok(get("nerdctl/name").or(in_pod))
}

/// The lines of `docker ps --no-trunc --format '{{.ID}} {{.Names}}'`, and podman's alike.
#[must_use]
pub fn listed_names(output: &str) -> Vec<(String, String)> {
    let pairs = output.lines().filter_map(|line| {
        let (id, name) = line.split_once(' ')?;
        // A container that others are linked to has several names.
        Some((id.to_owned(), name.split(',').next()?.to_owned()))
    });
    pairs.collect()
}

/// The container that a forwarder or monitor serves, by its command line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Served {
    /// The container's whole id.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// The protocol that is forwarded, `tcp` or `udp`.
    pub protocol: Option<String>,
    /// The machine's port that is forwarded.
    pub host_port: Option<u16>,
}

/// Reads the command line of a `docker-proxy` (`-container-ip`, `-host-port`), a `conmon` (`-c`,
/// `-n`) or a `containerd-shim` (`-id`), without its first word.
#[must_use]
pub fn served<'a>(arguments: impl IntoIterator<Item = &'a [u8]>) -> Served {
    let mut served = Served::default();
    let mut words = arguments.into_iter().map(|word| std::str::from_utf8(word).unwrap_or_default());
    while let Some(option) = words.next() {
        let mut value = || words.next().map(str::to_owned);
        match option {
            "-container-ip" => served.address = value().and_then(|text| text.parse().ok()),
            "-proto" => served.protocol = value(),
            "-host-port" => served.host_port = value().and_then(|text| text.parse().ok()),
            "-c" | "--cid" | "-id" => served.id = value(),
            "-n" | "--name" => served.name = value(),
            _ => {}
        }
    }
    served
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_keeps_names_and_addresses() {
        let file = br#"{"State":{"Running":true,"Pid":2583},"ID":"26b2","Name":"/web","Managed":false,
            "NetworkSettings":{"Networks":{"bridge":{"IPAddress":"172.17.0.2","GlobalIPv6Address":""},
            "other":{"IPAddress":"172.18.0.2","GlobalIPv6Address":"fd00::2"}}}}"#;
        let found = docker_container(file).unwrap();
        assert_eq!((&*found.id, &*found.name, found.running), ("26b2", "web", true));
        let expected: Vec<IpAddr> =
            ["172.17.0.2", "172.18.0.2", "fd00::2"].map(|text| text.parse().unwrap()).into();
        assert_eq!(found.addresses, expected);
        let host = br#"{"State":{},"ID":"26b2","Name":"/web","NetworkSettings":{"Networks":null}}"#;
        assert!(docker_container(host).unwrap().addresses.is_empty());
        assert_eq!(docker_container(b"{}"), Err(DecodeError::Malformed));
    }

    #[test]
    fn podman_keeps_the_names_of_all_in_one_file() {
        let file = br#"[{"id":"aa","names":["web","alias"],"image":"x"},{"id":"bb"}]"#;
        assert_eq!(storage_names(file).unwrap(), [("aa".to_owned(), "web".to_owned())]);
        assert_eq!(storage_names(b"["), Err(DecodeError::Malformed));
    }

    #[test]
    fn kubernetes_and_nerdctl_annotate_names() {
        let name = |annotations: &str| {
            oci_name(format!(r#"{{"ociVersion":"1.1","annotations":{annotations}}}"#).as_bytes())
        };
        let pod = r#"{"io.kubernetes.cri.sandbox-name":"web-7d9","io.kubernetes.cri.container-name":"nginx"}"#;
        assert_eq!(name(pod).unwrap().as_deref(), Some("web-7d9/nginx"));
        let crio = r#"{"io.kubernetes.pod.name":"web-7d9","io.kubernetes.container.name":"nginx"}"#;
        assert_eq!(name(crio).unwrap().as_deref(), Some("web-7d9/nginx"));
        assert_eq!(name(r#"{"nerdctl/name":"web"}"#).unwrap().as_deref(), Some("web"));
        assert_eq!(name("{}").unwrap(), None);
        assert_eq!(oci_name(b"{}").unwrap(), None);
    }

    #[test]
    fn a_listing_has_a_container_on_each_line() {
        let pair = |id: &str, name: &str| (id.to_owned(), name.to_owned());
        let listed = listed_names("aa web,other/alias\nbb db\nnonsense\n");
        assert_eq!(listed, [pair("aa", "web"), pair("bb", "db")]);
    }

    #[test]
    fn who_serves_a_container_names_it() {
        let of = |line: &str| served(line.split(' ').map(str::as_bytes));
        let proxy = of(
            "-proto tcp -host-ip :: -host-port 8089 -container-ip 172.17.0.2 -container-port 80",
        );
        assert_eq!((proxy.address, proxy.host_port), (Some([172, 17, 0, 2].into()), Some(8089)));
        let conmon = of("--api-version 1 -c aa -u aa -r /usr/bin/crun -n web --exit-dir /x");
        assert_eq!((conmon.id.as_deref(), conmon.name.as_deref()), (Some("aa"), Some("web")));
        let shim = of("-namespace moby -id bb -address /run/containerd.sock");
        assert_eq!(shim.id.as_deref(), Some("bb"));
        assert_eq!(proxy.protocol.as_deref(), Some("tcp"));
        assert_eq!(of("-host-port x -container-ip"), Served::default());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, text: String) {
            let _ = docker_container(&bytes);
            let _ = storage_names(&bytes);
            let _ = oci_name(&bytes);
            let _ = listed_names(&text);
        }
    }
}
