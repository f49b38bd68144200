"""The words of a compose file, as values: the fields that rules read, and the names of the rest.

From the Compose Specification (compose-spec.io). A field that stands here as `Any` is known by
its name alone.
"""

from typing import Any, Literal

from pydantic import Field

from space.documents.validation import Value

Scalar = str | int | float | bool | None


class Probe(Value):
    """A health check."""

    test: str | tuple[str, ...] | None = None
    interval: str | None = None
    timeout: str | None = None
    retries: int | None = None
    start_period: str | None = None
    start_interval: str | None = None
    disable: bool = False


class Mount(Value):
    """A folder, volume or memory that a container sees."""

    type: Literal["bind", "volume", "tmpfs", "cluster", "npipe", "image"]
    source: str | None = None
    target: str
    read_only: bool = False
    consistency: Any = None
    bind: Any = None
    volume: Any = None
    tmpfs: Any = None
    image: Any = None


class PublishedPort(Value):
    """A port of a container that the machine offers."""

    target: int | str
    published: int | str | None = None
    host_ip: str | None = None
    protocol: str | None = None
    app_protocol: str | None = None
    mode: str | None = None
    name: str | None = None


class Device(Value):
    """A device that a service reserves."""

    capabilities: tuple[str, ...]
    driver: str | None = None
    count: int | str | None = None
    device_ids: tuple[str, ...] | None = None
    options: Any = None


class Limits(Value):
    """The most that a service may use."""

    cpus: str | float | None = None
    memory: str | None = None
    pids: int | None = None


class Reservations(Value):
    """What is kept for a service."""

    cpus: str | float | None = None
    memory: str | None = None
    devices: tuple[Device, ...] = ()
    generic_resources: Any = None


class Amounts(Value):
    """Limits and reservations."""

    limits: Limits = Limits()
    reservations: Reservations = Reservations()


class Deploy(Value):
    """How many containers a service has, and with what."""

    replicas: int | None = None
    resources: Amounts = Amounts()
    mode: Any = None
    endpoint_mode: Any = None
    labels: Any = None
    placement: Any = None
    restart_policy: Any = None
    rollback_config: Any = None
    update_config: Any = None


class Dependency(Value):
    """A service that has to be there first."""

    condition: Literal["service_started", "service_healthy", "service_completed_successfully"]
    required: bool = True
    restart: bool = False


class Build(Value):
    """How an image is built."""

    context: str | None = None
    dockerfile: str | None = None
    args: dict[str, Scalar] | tuple[str, ...] = Field(default_factory=dict)
    additional_contexts: Any = None
    cache_from: Any = None
    cache_to: Any = None
    labels: Any = None
    network: Any = None
    no_cache: Any = None
    platforms: Any = None
    pull: Any = None
    secrets: Any = None
    tags: Any = None
    target: Any = None


class Service(Value):
    """A kind of container."""

    image: str | None = None
    build: Build | str | None = None
    command: str | tuple[str, ...] | None = None
    entrypoint: str | tuple[str, ...] | None = None
    environment: dict[str, Scalar] | tuple[str, ...] = Field(default_factory=dict)
    env_file: Any = None
    secrets: tuple[str | dict[str, Any], ...] = ()
    ports: tuple[str | int | PublishedPort, ...] = ()
    volumes: tuple[str | Mount, ...] = ()
    networks: tuple[str, ...] | dict[str, Any] = ()
    network_mode: str | None = None
    healthcheck: Probe | None = None
    depends_on: tuple[str, ...] | dict[str, Dependency] = ()
    deploy: Deploy = Deploy()
    user: str | int | None = None
    read_only: bool = False
    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    pid: str | None = None
    ipc: str | None = None
    restart: str | None = None
    profiles: tuple[str, ...] = ()
    mem_limit: str | int | None = None
    annotations: Any = None
    attach: Any = None
    cgroup: Any = None
    configs: Any = None
    container_name: Any = None
    cpus: Any = None
    cpu_count: Any = None
    cpu_shares: Any = None
    cpuset: Any = None
    devices: Any = None
    dns: Any = None
    dns_search: Any = None
    domainname: Any = None
    expose: Any = None
    extends: Any = None
    external_links: Any = None
    extra_hosts: Any = None
    gpus: Any = None
    group_add: Any = None
    hostname: Any = None
    init: bool | None = None
    labels: Any = None
    logging: Any = None
    mac_address: Any = None
    mem_reservation: Any = None
    memswap_limit: Any = None
    oom_kill_disable: Any = None
    oom_score_adj: Any = None
    pids_limit: Any = None
    platform: Any = None
    post_start: Any = None
    pre_stop: Any = None
    pull_policy: Any = None
    runtime: Any = None
    scale: Any = None
    shm_size: str | int | None = None
    stdin_open: Any = None
    stop_grace_period: str | None = None
    stop_signal: Any = None
    storage_opt: Any = None
    sysctls: Any = None
    tmpfs: str | tuple[str, ...] | None = None
    tty: Any = None
    ulimits: Any = None
    userns_mode: Any = None
    uts: Any = None
    working_dir: Any = None


class Network(Value):
    """A network; an internal one leads nowhere else."""

    internal: bool = False
    attachable: Any = None
    driver: Any = None
    driver_opts: Any = None
    enable_ipv4: Any = None
    enable_ipv6: Any = None
    external: Any = None
    ipam: Any = None
    labels: Any = None
    name: Any = None


class Secret(Value):
    """A secret, from a file."""

    file: str | None = None
    environment: str | None = None
    external: Any = None
    name: Any = None


class ComposeFile(Value):
    """A compose file."""

    services: dict[str, Service]
    name: str | None = None
    networks: dict[str, Network | None] = Field(default_factory=dict)
    volumes: dict[str, Any] = Field(default_factory=dict)
    secrets: dict[str, Secret] = Field(default_factory=dict)
    configs: dict[str, Any] = Field(default_factory=dict)
    include: Any = None
    version: Any = None
