"""deploy/kubernetes/: the published schemas, the locks on each pod, and that the gateway takes its settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from gateway.settings import Settings, load
from gateway.settings_sections import Limits
from scripts.docker_steps import instructions

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "deploy" / "kubernetes"
GATEWAY = "sage-gateway"
Manifest = dict[str, Any]

FILES: dict[str, list[Manifest]] = {path.name: list(YAML(typ="safe").load_all(path)) for path in FOLDER.glob("*.yaml")}
MANIFESTS = [
    pytest.param(manifest, id=f"{file}-{manifest['kind']}-{manifest['metadata']['name']}")
    for file, manifests in sorted(FILES.items())
    for manifest in manifests
]
README = (FOLDER / "README.md").read_text("utf-8")


def pods(file: str) -> Iterator[Manifest]:
    """The pod specs of a file."""
    for manifest in FILES[file]:
        if template := manifest["spec"].get("template") if "spec" in manifest else None:
            yield template["spec"]


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod.get("initContainers", ()), *pod["containers"]]


def is_ours(container: Manifest) -> bool:
    return str(container["image"]).rpartition("/")[2].startswith(f"{GATEWAY}:")


OURS = {
    f"{file}-{container['name']}": (pod, container)
    for file in sorted(FILES)
    for pod in pods(file)
    for container in containers(pod)
    if is_ours(container)
}
SERVING = {name: (pod, container) for name, (pod, container) in OURS.items() if container["args"][0] == "serve"}
ours = pytest.mark.parametrize(("pod", "container"), OURS.values(), ids=OURS)
serving = pytest.mark.parametrize(("pod", "container"), SERVING.values(), ids=SERVING)


def named(file: str, kind: str) -> Manifest:
    """The one manifest of a kind in a file."""
    (found,) = (manifest for manifest in FILES[file] if manifest["kind"] == kind)
    return found


def mounted(pod: Manifest, container: Manifest) -> dict[str, Manifest]:
    """The container's volumes by the path where they are mounted."""
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    return {mount["mountPath"]: volumes.get(mount["name"], {}) for mount in container["volumeMounts"]}


def settings_of(pod: Manifest, container: Manifest, folder: Path) -> Settings:
    """What the gateway makes of its ConfigMap and environment; secret files hold something of the right form."""
    config = next(
        manifest["data"]["gateway.toml"]
        for manifests in FILES.values()
        for manifest in manifests
        if manifest["kind"] == "ConfigMap"
        and manifest["metadata"]["name"] == mounted(pod, container)["/etc/sage-gateway"]["configMap"]["name"]
    )
    environ = {entry["name"]: entry["value"] for entry in container.get("env", ())}
    for name in secret_files(config, environ):
        text = "postgresql://gateway:pw@postgresql:5432/gateway" if name == "store_db" else "ab" * 32
        (folder / name).write_text(text + "\n", "utf-8")
        (folder / name).chmod(0o440)
    file = folder / "gateway.toml"
    file.write_text(config.replace("/run/secrets/gateway", str(folder)), "utf-8")
    return load(file, {name: value.replace("/run/secrets/gateway", str(folder)) for name, value in environ.items()})


def secret_files(config: str, environ: dict[str, str]) -> set[str]:
    return set(re.findall(r"/run/secrets/gateway/(\w+)", config + "\n".join(environ.values())))


@pytest.mark.parametrize("version", ["1.30", "1.37"])
@pytest.mark.parametrize("manifest", MANIFESTS)
def test_it_is_what_kubernetes_allows(manifest, version):
    """The published schemas find nothing wrong, and no member that they do not know."""
    kubernetes_validate.validate(manifest, version, strict=True)


def test_no_secret_is_in_a_manifest():
    """They are referred to by name; the README's commands make exactly those that are."""
    assert not [manifest for manifests in FILES.values() for manifest in manifests if manifest["kind"] == "Secret"]
    asked = {
        volume["secret"]["secretName"]
        for file in FILES
        for pod in pods(file)
        for volume in pod["volumes"]
        if "secret" in volume
    }
    assert asked == set(re.findall(r"create secret generic ([\w-]+)", README))


@ours
def test_the_readme_makes_every_file_that_is_named(pod, container):
    """Each secret file of the settings is a key of the mounted secret, as the README's command makes it."""
    secret = mounted(pod, container)["/run/secrets/gateway"]["secret"]["secretName"]
    command = re.search(rf"create secret generic {secret} (.*?)\nkubectl", README, re.DOTALL)
    assert command is not None
    config = named("sidecar.yaml" if secret == "books-gateway" else "service.yaml", "ConfigMap")["data"]["gateway.toml"]
    environ = {entry["name"]: entry["value"] for entry in container.get("env", ())}
    assert set(re.findall(r"--from-file=(\w+)", command[1])) == secret_files(config, environ)


@ours
def test_the_gateway_is_locked_down(pod, container):
    """Not root, read-only root, no capability and no way to gain one, the usual system calls, no service account."""
    rights = {**pod["securityContext"], **container["securityContext"]}
    user = dict(instructions((ROOT / "Dockerfile").read_text("utf-8")))["USER"]
    assert f"{rights['runAsUser']}:{rights['runAsGroup']}" == user
    assert rights["runAsNonRoot"] is True
    assert rights["readOnlyRootFilesystem"] is True
    assert rights["allowPrivilegeEscalation"] is False
    assert rights["capabilities"] == {"drop": ["ALL"]}
    assert rights["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert mounted(pod, container)["/tmp"]["emptyDir"]["medium"] == "Memory"  # noqa: S108 - the container's own
    assert "memory" in container["resources"]["limits"]


@ours
def test_the_gateway_may_read_its_secrets_and_nobody_else_may(pod, container):
    """Its group may; a key that every user may read is refused at the start."""
    rights = {**pod["securityContext"], **container["securityContext"]}
    assert pod["securityContext"]["fsGroup"] == rights["runAsGroup"]
    for path, volume in mounted(pod, container).items():
        if "secret" in volume:
            assert path.startswith("/run/secrets/")
            assert volume["secret"]["defaultMode"] == 0o440


@ours
def test_the_gateway_takes_its_settings(pod, container, tmp_path):
    """Every setting and variable exists, and nothing remains to be set."""
    assert settings_of(pod, container, tmp_path).lacks() == ()


@serving
def test_ports_and_probes_are_the_settings_own(pod, container, tmp_path):
    """Both listeners are declared and reachable; probes ask the admin listener; TLS files are where they are read."""
    server = settings_of(pod, container, tmp_path).server
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert (server.host, server.admin) == ("0.0.0.0", f"0.0.0.0:{ports['admin']}")  # noqa: S104 - the pod's own
    assert server.port == ports["https"]
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}
    assert {probe["port"] for probe in probes.values()} == {"admin"}
    assert (probes["readiness"]["path"], probes["liveness"]["path"]) == ("/readyz", "/healthz")
    files = {
        f"/run/secrets/tls/{item['path']}" for item in mounted(pod, container)["/run/secrets/tls"]["secret"]["items"]
    }
    assert {str(server.tls_cert), str(server.tls_key)} == files
    assert "https://api.sageone.com" in server.public_urls


@serving
def test_what_must_last_is_on_a_claim(pod, container, tmp_path):
    """The store's file, its marker and the spool outlive the pod; the marker is not on the store's volume."""
    store = settings_of(pod, container, tmp_path).store
    lasting = {path for path, volume in mounted(pod, container).items() if not volume}
    assert store.spool_path is not None
    wanted = [path for path in (store.file, store.marker, store.spool_path) if path]
    assert {str(path.parent) for path in wanted} == lasting
    assert store.marker is None or store.file is None or store.marker.parent != store.file.parent


@pytest.mark.parametrize("file", ["sidecar.yaml", "service.yaml"])
def test_claims_are_kept_and_belong_to_one_pod(file):
    """Each is mounted, by one pod at a time, and stays when that is gone."""
    spec = named(file, "StatefulSet")["spec"]
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    mounts = {
        mount["name"] for container in containers(spec["template"]["spec"]) for mount in container["volumeMounts"]
    }
    for claim in spec["volumeClaimTemplates"]:
        assert claim["metadata"]["name"] in mounts
        assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]


@serving
def test_a_gateway_has_time_to_end(pod, container):
    """Longer than it lets a call in flight take."""
    pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert pod["terminationGracePeriodSeconds"] >= Limits().upstream_seconds + 15 + pause


def test_the_sidecar_is_one():
    """One replica per grant; it starts before the app and ends after it; the app's built-in host leads to it."""
    spec = named("sidecar.yaml", "StatefulSet")["spec"]
    pod = spec["template"]["spec"]
    assert spec["replicas"] == 1
    assert [container["restartPolicy"] for container in pod["initContainers"]] == ["Always"]
    assert pod["hostAliases"] == [{"ip": "127.0.0.1", "hostnames": ["api.sageone.com"]}]
    (gateway,) = pod["initContainers"]
    assert {port["name"]: port["containerPort"] for port in gateway["ports"]}["https"] == 443
    assert [*pod["securityContext"]["sysctls"]] == [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "443"}]


def test_the_app_beside_the_gateway_sees_none_of_its_secrets():
    """But the CA's certificate, which is none."""
    pod = named("sidecar.yaml", "StatefulSet")["spec"]["template"]["spec"]
    (app,) = pod["containers"]
    assert [volume["secret"]["items"] for volume in mounted(pod, app).values()] == [
        [{"key": "ca.crt", "path": "ca.crt"}]
    ]


def test_the_service_serves_on_the_images_port():
    """The port that the image exposes; several replicas, of which one at a time may be away."""
    stated = dict(instructions((ROOT / "Dockerfile").read_text("utf-8")))["EXPOSE"]
    spec = named("service.yaml", "StatefulSet")["spec"]
    (gateway,) = spec["template"]["spec"]["containers"]
    assert str({port["name"]: port["containerPort"] for port in gateway["ports"]}["https"]) == stated
    assert spec["replicas"] > 1
    assert named("service.yaml", "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_selectors_find_their_pods():
    """Each Service, budget, policy and hard-coded address leads to the pods it is meant for."""
    labels = {
        manifest["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]
        for manifests in FILES.values()
        for manifest in manifests
        if "template" in manifest.get("spec", {})
    }
    assert labels == {"books-app", GATEWAY, f"{GATEWAY}-migrate", "legacy-app"}
    for manifests in FILES.values():
        for manifest in manifests:
            if manifest["kind"] == "Service":
                assert manifest["spec"]["selector"]["app.kubernetes.io/name"] in labels
    service, app = FILES["legacy-app-hostaliases.yaml"]
    (alias,) = app["spec"]["template"]["spec"]["hostAliases"]
    assert (alias["ip"], alias["hostnames"]) == (service["spec"]["clusterIP"], ["api.sageone.com"])


def test_the_image_is_one_and_runs_what_compose_runs():
    """Its name is that of compose.yaml, its commands too."""
    compose = YAML(typ="safe").load(ROOT / "deploy" / "compose.yaml")["services"]
    assert {container["image"] for _, container in OURS.values()} == {"registry.example.com/sage-gateway:0.1.0"}
    assert compose["gateway"]["image"] == GATEWAY
    commands = {tuple(compose[name]["command"]) for name in ("gateway", "migrate")}
    assert {tuple(container["args"]) for _, container in OURS.values()} == commands
