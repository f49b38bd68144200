"""What a compose file of a deployment must not do, with the cure for each."""

import re
from collections.abc import Iterator, Mapping

from search.deployment.compose_file import ComposeFile, PublishedPort, Scalar, Service
from search.deployment.finding import Mistake, check_image, check_variable, holds_secret
from space.documents.validation import parse

_STORES = re.compile(r"(^|/)(postgres|seaweedfs)[:@]")
"""Images of what holds records."""
_LOCAL = re.compile(r"(127\.\d+\.\d+\.\d+|\[::1\]|::1|localhost)")


def check_compose(document: object, address: str | None = None) -> list[Mistake]:
    """The mistakes of a compose file. `address` is where its typed file lets it listen.

    Raises InputError for what is no compose file: a wrong field, a value of a wrong type.
    """
    compose = parse(ComposeFile, document)
    mistakes = [
        mistake
        for name, service in compose.services.items()
        for mistake in _check_service(f"services.{name}", service, compose, address)
    ]
    return [*mistakes, *_check_secrets(compose), *_check_networks(compose)]


def _check_service(
    where: str, service: Service, compose: ComposeFile, address: str | None
) -> Iterator[Mistake]:
    yield from _check_image_of(where, service)
    yield from _check_rights(where, service)
    yield from _check_environment(where, service)
    yield from _check_ports(where, service, address)
    yield from _check_volumes(where, service)
    yield from _check_references(where, service, compose)
    yield from _check_health(where, service)
    yield from _check_amounts(where, service)
    yield from _check_programs(where, service)


def _check_image_of(where: str, service: Service) -> list[Mistake]:
    if service.image is None and service.build is None:
        return [Mistake(where, "has neither image nor build", "add the key image")]
    if service.image is None:
        return []
    # What is built here has no digest before it is pushed.
    is_own = service.build is not None or service.image.rpartition("/")[2].startswith("ventral:")
    return check_image(f"{where}.image", service.image, digest=not is_own)


def _check_rights(where: str, service: Service) -> Iterator[Mistake]:
    if service.privileged:
        cure = "remove the key: nothing of the set needs it"
        yield Mistake(f"{where}.privileged", "gives the container the whole machine", cure)
    user = str(service.user or "")
    if not user or re.match(r"(0|root)(:|$)", user):
        cure = 'write "${VENTRAL_UID:?...}:${VENTRAL_GID:?...}", as the other services have it'
        yield Mistake(f"{where}.user", f"{user or 'no user'} is root in the container", cure)
    if not service.read_only:
        cure = "write true, and list what it writes in tmpfs or volumes"
        yield Mistake(f"{where}.read_only", "the container may change its own programs", cure)
    if "ALL" not in service.cap_drop:
        yield Mistake(f"{where}.cap_drop", "keeps rights of the kernel", "write [ALL]")
    if service.cap_add:
        problem = f"adds {', '.join(service.cap_add)}"
        yield Mistake(f"{where}.cap_add", problem, "remove the key: nothing of the set needs it")
    if "no-new-privileges:true" not in service.security_opt:
        problem = "a program may take more rights than it was started with"
        yield Mistake(f"{where}.security_opt", problem, 'write ["no-new-privileges:true"]')
    for key in ("network_mode", "pid", "ipc"):
        if getattr(service, key) == "host":
            problem = "host leaves out the wall between container and machine"
            yield Mistake(f"{where}.{key}", problem, "remove the key")


def _list_variables(given: dict[str, Scalar] | tuple[str, ...]) -> list[tuple[str, str, str]]:
    """(field, name, value) of each variable, written as a mapping or as a list."""
    if isinstance(given, dict):
        return [
            (f".{name}", name, "" if item is None else str(item)) for name, item in given.items()
        ]
    pairs = [(f"[{place}]", *line.partition("=")[::2]) for place, line in enumerate(given)]
    return [(field, name, item) for field, name, item in pairs]


def _split_words(given: str | tuple[str, ...] | None) -> list[str]:
    """The words of a command, written in one line or as a list."""
    return given.split() if isinstance(given, str) else list(given or ())


def _list_secrets(service: Service) -> list[str]:
    """The names of a service's secrets, written in the short form or in the long one."""
    return [one if isinstance(one, str) else str(one.get("source")) for one in service.secrets]


def _check_environment(where: str, service: Service) -> Iterator[Mistake]:
    for field, name, item in _list_variables(service.environment):
        yield from check_variable(f"{where}.environment{field}", name, item)
    if service.env_file is not None:
        cure = "name its secrets under secrets, its other variables under environment"
        yield Mistake(f"{where}.env_file", "is a file that no rule can check", cure)
    arguments = service.build.args if service.build and not isinstance(service.build, str) else {}
    for field, name, item in _list_variables(arguments):
        yield from check_variable(f"{where}.build.args{field}", name, item)
    for key in ("command", "entrypoint"):
        for place, word in enumerate(_split_words(getattr(service, key))):
            name, _, item = word.lstrip("-").partition("=")
            if holds_secret(name, item) or holds_secret("", word):
                problem = "holds a secret in the open, which the list of processes shows"
                yield Mistake(
                    f"{where}.{key}[{place}]", problem, "give it by a file under secrets"
                )


def _check_ports(where: str, service: Service, address: str | None) -> Iterator[Mistake]:
    for place, port in enumerate(service.ports):
        if isinstance(port, PublishedPort):
            host, written = port.host_ip or "", f"port {port.target}"
        else:
            written = str(port)
            host = written.rpartition(":")[0].rpartition(":")[0]
        if host.strip("[]") == address or _LOCAL.fullmatch(host):
            continue
        problem = f"{written} is open to {host or 'every network of the machine'}"
        cure = f"write 127.0.0.1:{written}" if not host else "begin it with 127.0.0.1"
        cure += ", or name the address in the typed file (compose.address)"
        yield Mistake(f"{where}.ports[{place}]", problem, cure)


def _check_volumes(where: str, service: Service) -> Iterator[Mistake]:
    for place, mount in enumerate(service.volumes):
        source = mount.partition(":")[0] if isinstance(mount, str) else mount.source or ""
        field = f"{where}.volumes[{place}]"
        if source.endswith("docker.sock"):
            problem = "the engine's socket gives the container the whole machine"
            yield Mistake(field, problem, "remove the volume")
        elif source == "/" or source.startswith(("/etc", "/proc", "/sys", "/root", "/var/run")):
            problem = f"shows the container {source} of the machine"
            yield Mistake(field, problem, "name a folder below ./data")


def _check_references(where: str, service: Service, compose: ComposeFile) -> Iterator[Mistake]:
    named: dict[str, tuple[list[str], Mapping[str, object]]] = {
        "secrets": (_list_secrets(service), compose.secrets),
        "networks": (list(service.networks), compose.networks),
        "depends_on": (list(service.depends_on), compose.services),
    }
    for key, (names, known) in named.items():
        for name in names:
            if name not in known:
                top = "services" if key == "depends_on" else key
                problem = f"{name} is none of the {top} of this file"
                cure = f"write one of {', '.join(known)}" if known else f"declare it in {top}"
                yield Mistake(f"{where}.{key}", problem, cure)


def _check_health(where: str, service: Service) -> Iterator[Mistake]:
    if service.profiles or service.restart == "no":
        return  # it runs once and ends
    probe = service.healthcheck
    if probe is None or probe.disable or not probe.test or "NONE" in probe.test:
        cure = "write a test that fails when the service does not answer"
        yield Mistake(f"{where}.healthcheck", "nobody notices when it hangs", cure)


def _check_amounts(where: str, service: Service) -> Iterator[Mistake]:
    resources = service.deploy.resources
    memory = resources.limits.memory or service.mem_limit
    field = f"{where}.deploy.resources.limits.memory"
    if memory is None:
        problem = "one container may take all memory of the machine"
        yield Mistake(field, problem, "write a size, say 4G")
    elif not re.fullmatch(r"\d+(\.\d+)?([kmgKMG]([iI]?[bB])?|[bB])?", str(memory)):
        yield Mistake(field, f"{memory} is not a size", "write a number and a unit, say 4G")
    for place, device in enumerate(resources.reservations.devices):
        field = f"{where}.deploy.resources.reservations.devices[{place}]"
        if "gpu" not in device.capabilities:
            yield Mistake(f"{field}.capabilities", "reserves no GPU", "write [gpu]")
        elif device.count in (None, "all") and not device.device_ids:
            problem = "takes every GPU of the machine"
            yield Mistake(f"{field}.count", problem, "write how many, or name device_ids")


def _check_programs(where: str, service: Service) -> Iterator[Mistake]:
    words = _split_words(service.command)
    names = {name: item for _, name, item in _list_variables(service.environment)}
    if words[:2] == ["ray", "start"]:
        if "RAY_AUTH_MODE" not in names:
            problem = "Ray starts without a token: everybody who reaches it runs code"
            yield Mistake(f"{where}.environment.RAY_AUTH_MODE", problem, "write token")
        path = names.get("RAY_AUTH_TOKEN_PATH", "")
        secret = path.rpartition("/")[2]
        if not path:
            cure = "write /run/secrets/ray_token, and ray_token under secrets"
            yield Mistake(f"{where}.environment.RAY_AUTH_TOKEN_PATH", "names no token", cure)
        elif path.startswith("/run/secrets/") and secret not in _list_secrets(service):
            problem = f"{path} is not among its secrets"
            yield Mistake(f"{where}.secrets", problem, f"add {secret}")
    if words[:2] == ["mlflow", "server"] and "basic-auth" not in " ".join(words):
        problem = "MLflow starts without accounts"
        yield Mistake(f"{where}.command", problem, "add --app-name basic-auth")
    if "-s3" in words and not any(word.startswith("-s3.config=") for word in words):
        problem = "the object store lets everybody read and write"
        cure = "add -s3.config=/run/secrets/s3_identities"
        yield Mistake(f"{where}.command", problem, cure)


def _check_secrets(compose: ComposeFile) -> Iterator[Mistake]:
    for name, secret in compose.secrets.items():
        if secret.environment is not None:
            problem = f"comes from the variable {secret.environment}, which processes show"
            yield Mistake(f"secrets.{name}", problem, f"write file: ./secrets/{name}")


def _check_networks(compose: ComposeFile) -> Iterator[Mistake]:
    """What holds records stands on networks that lead nowhere else."""
    for name, network in compose.networks.items():
        users = [
            called
            for called, one in compose.services.items()
            if name in one.networks and _STORES.search(one.image or "")
        ]
        if users and not (network is not None and network.internal):
            problem = f"leads out of the machine, and {', '.join(users)} stands on it"
            yield Mistake(f"networks.{name}.internal", problem, "write true")
