"""The manifests of contrib/kubernetes, read as data: there is no cluster here."""

import os

import yaml

from parts import CONTRIB

DIRECTORY = os.path.join(CONTRIB, "kubernetes")


def objects():
    """The objects of the manifest by their kinds."""
    with open(os.path.join(DIRECTORY, "portwho.yaml"), encoding="utf-8") as file:
        return {one["kind"]: one for one in yaml.safe_load_all(file)}


def the_manifests_grant_what_is_needed_and_no_more(_stage):
    """The host's namespaces, three capabilities, and a file system that is read only."""
    found = objects()
    pod = found["DaemonSet"]["spec"]["template"]["spec"]
    assert pod["hostNetwork"] and pod["hostPID"] and not pod["automountServiceAccountToken"]
    container, = pod["containers"]
    assert container["args"][:2] == ["metrics", "--all-netns"]
    context = container["securityContext"]
    assert not context["privileged"] and not context["allowPrivilegeEscalation"]
    assert context["readOnlyRootFilesystem"] and context["runAsUser"] == 0
    assert context["capabilities"] == {
        "drop": ["ALL"], "add": ["SYS_PTRACE", "DAC_READ_SEARCH", "SYS_ADMIN"]}
    mounts = {mount["mountPath"]: mount["readOnly"] for mount in container["volumeMounts"]}
    assert mounts["/sys/fs/cgroup"] and all(mounts.values())
    labels = found["DaemonSet"]["spec"]["template"]["metadata"]["labels"]
    monitor = found["PodMonitor"]["spec"]
    assert monitor["selector"]["matchLabels"] == labels
    endpoint, = monitor["podMetricsEndpoints"]
    port, = container["ports"]
    assert endpoint["port"] == port["name"] and endpoint["honorLabels"] is True
    with open(os.path.join(DIRECTORY, "scrape.yml"), encoding="utf-8") as file:
        job, = yaml.safe_load(file)["scrape_configs"]
    assert job["honor_labels"] is True
