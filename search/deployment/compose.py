"""The compose set: PostgreSQL, MLflow with accounts, an object store, and a Ray cluster.

Who talks to whom is three networks: `database` and `objects` lead nowhere else, and only MLflow
is on the second, whose store trusts its neighbours on all ports but that of S3. What is published
is bound to the typed file's address. Secrets are files of `ventral deploy secrets`, readable by
the user whose id stands in `.env`, as whom every container runs.
"""

from typing import Any

from search.deployment.settings import Deployment, Node

USER = "${VENTRAL_UID:?run ventral deploy secrets in this folder}"
GROUP = "${VENTRAL_GID:?run ventral deploy secrets in this folder}"
BUCKET = "ventral-artifacts"
SECRETS = (
    "database_password",
    "ventral_password",
    "mlflow_password",
    "ventral_store",
    "mlflow_store",
    "mlflow_accounts",
    "mlflow_admin_password",
    "mlflow_session_key",
    "ray_token",
    "s3_access_key",
    "s3_secret_key",
    "s3_identities",
)
"""The files that the set needs in `secrets/`."""
FOLDERS = ("database", "objects", "home", "backups")
"""The folders below `data/` that hold what outlives the containers."""

_TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": "/run/secrets/ray_token"}

Section = dict[str, Any]


def build_compose(deployment: Deployment) -> Section:
    """The compose file as values."""
    return {
        "name": deployment.name,
        "services": {
            "database": _build_database(deployment),
            "objects": _build_objects(deployment),
            "mlflow": _build_mlflow(deployment),
            "head": _build_head(deployment),
            "worker": _build_worker(deployment),
            "backup": _build_copier(deployment, "backup"),
            "restore": _build_copier(deployment, "restore"),
        },
        "networks": {
            "database": {"internal": True},
            "objects": {"internal": True},
            "cluster": {},
        },
        "secrets": {name: {"file": f"./secrets/{name}"} for name in SECRETS},
    }


def _build_database(deployment: Deployment) -> Section:
    return {
        **_confine(Node(cpus=2, memory=2)),
        "image": deployment.compose.postgres.reference,
        "environment": {
            "POSTGRES_PASSWORD_FILE": "/run/secrets/database_password",
            "POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256 --data-checksums",
            "PGDATA": "/var/lib/postgresql/data/cluster",
        },
        "secrets": ["database_password", "ventral_password", "mlflow_password"],
        "volumes": [
            _mount("./data/database", "/var/lib/postgresql/data"),
            _mount("./databases.sh", "/docker-entrypoint-initdb.d/databases.sh", read_only=True),
        ],
        "tmpfs": ["/tmp", "/var/run/postgresql"],
        "networks": ["database"],
        "healthcheck": _probe("pg_isready", "--quiet", "--username=postgres", "--host=127.0.0.1"),
        "shm_size": "256m",
        "stop_grace_period": "60s",
    }


def _build_objects(deployment: Deployment) -> Section:
    address = "http://127.0.0.1:9333/cluster/healthz"
    return {
        **_confine(Node(cpus=2, memory=2)),
        "image": deployment.compose.objects.reference,
        "entrypoint": ["/usr/bin/weed"],
        "command": [
            "server",
            "-ip=objects",
            "-ip.bind=0.0.0.0",
            "-dir=/data",
            "-s3",
            "-s3.port=8333",
            "-s3.config=/run/secrets/s3_identities",
        ],
        "secrets": ["s3_identities"],
        "volumes": [_mount("./data/objects", "/data")],
        "tmpfs": ["/tmp"],
        "networks": ["objects"],
        "healthcheck": _probe("wget", "-q", "-O", "/dev/null", address),
    }


def _build_mlflow(deployment: Deployment) -> Section:
    compose = deployment.compose
    published = [f"{name}:{compose.mlflow_port}" for name in (*compose.hosts, compose.address)]
    # Ray's nodes call it by its name, its health check by the container's loopback.
    hosts = dict.fromkeys(["mlflow:5000", "127.0.0.1:5000", *published])
    health = "import urllib.request as r; r.urlopen('http://127.0.0.1:5000/health', timeout=5)"
    return {
        **_confine(Node(cpus=2, memory=4)),
        **_take_image(deployment),
        "command": ["/usr/local/bin/ventral-mlflow"],
        "environment": {
            "MLFLOW_BACKEND_STORE_URI_FILE": "/run/secrets/mlflow_store",
            "MLFLOW_AUTH_CONFIG_PATH": "/run/secrets/mlflow_accounts",
            "MLFLOW_AUTH_ADMIN_PASSWORD_FILE": "/run/secrets/mlflow_admin_password",
            "MLFLOW_FLASK_SERVER_SECRET_KEY_FILE": "/run/secrets/mlflow_session_key",
            "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(hosts),
            "MLFLOW_S3_ENDPOINT_URL": "http://objects:8333",
            "AWS_ENDPOINT_URL_S3": "http://objects:8333",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID_FILE": "/run/secrets/s3_access_key",
            "AWS_SECRET_ACCESS_KEY_FILE": "/run/secrets/s3_secret_key",
            "VENTRAL_BUCKET": BUCKET,
        },
        "secrets": [
            "mlflow_store",
            "mlflow_accounts",
            "mlflow_admin_password",
            "mlflow_session_key",
            "s3_access_key",
            "s3_secret_key",
        ],
        "tmpfs": _scratch(),
        "networks": ["database", "objects", "cluster"],
        "ports": [f"{_host(compose.address)}:{compose.mlflow_port}:5000"],
        "healthcheck": _probe("python", "-c", health),
        "depends_on": _after("database", "objects"),
    }


def _build_head(deployment: Deployment) -> Section:
    compose = deployment.compose
    return {
        **_confine(compose.head),
        **_take_image(deployment),
        # Trials run on the workers: the head has no processor to give.
        "command": [
            *("ray", "start", "--head", "--block", "--port=6379", "--num-cpus=0"),
            *("--num-gpus=0", "--dashboard-host=0.0.0.0", "--dashboard-port=8265"),
        ],
        "environment": {
            **_TOKEN,
            "VENTRAL_STORE_FILE": "/run/secrets/ventral_store",
            "MLFLOW_TRACKING_URI": "http://mlflow:5000",
            "MLFLOW_TRACKING_USERNAME": "admin",
            "MLFLOW_TRACKING_PASSWORD_FILE": "/run/secrets/mlflow_admin_password",
        },
        "secrets": ["ray_token", "ventral_store", "mlflow_admin_password"],
        "volumes": [_mount("./data/home", "/var/lib/ventral")],
        "tmpfs": _scratch(),
        "shm_size": "2g",
        "networks": ["database", "cluster"],
        "ports": [f"{_host(compose.address)}:{compose.ray_port}:8265"],
        "healthcheck": _probe("ray", "health-check", "--address", "127.0.0.1:6379"),
        "depends_on": _after("database", "mlflow"),
    }


def _build_worker(deployment: Deployment) -> Section:
    workers = deployment.compose.workers
    section: Section = {
        **_confine(workers),
        **_take_image(deployment),
        "command": [
            *("ray", "start", "--block", "--address=head:6379"),
            *(f"--num-cpus={workers.cpus}", f"--num-gpus={workers.gpus}"),
        ],
        # Trials report to the driver, on the head: only that one knows the records' passwords.
        "environment": dict(_TOKEN),
        "secrets": ["ray_token"],
        "volumes": [_mount("./data/home", "/var/lib/ventral")],
        "tmpfs": _scratch(),
        "shm_size": "2g",
        "networks": ["cluster"],
        "healthcheck": _probe("ray", "health-check", "--address", "head:6379"),
        "depends_on": _after("head"),
    }
    section["deploy"]["replicas"] = workers.most
    if workers.gpus:
        device = {"driver": "nvidia", "count": workers.gpus, "capabilities": ["gpu"]}
        section["deploy"]["resources"]["reservations"] = {"devices": [device]}
    return section


def _build_copier(deployment: Deployment, script: str) -> Section:
    """A container that runs `backup.sh` or `restore.sh` when it is asked to, and ends."""
    reads = script == "backup"
    return {
        **_confine(Node(cpus=1, memory=1)),
        "image": deployment.compose.postgres.reference,
        "profiles": [script],
        "restart": "no",
        "entrypoint": ["/bin/bash", f"/{script}.sh"],
        "secrets": ["database_password"],
        "volumes": [
            _mount(f"./{script}.sh", f"/{script}.sh", read_only=True),
            _mount("./data/objects", "/data/objects", read_only=reads),
            _mount("./data/home", "/data/home", read_only=reads),
            _mount("./data/backups", "/backups", read_only=not reads),
        ],
        "tmpfs": ["/tmp"],
        "networks": ["database"],
        "depends_on": _after("database"),
    }


def _confine(node: Node) -> Section:
    """What holds every container: its user, its rights, and what it may use."""
    limits = {"cpus": str(node.cpus), "memory": f"{node.memory}G", "pids": 4096}
    return {
        "user": f"{USER}:{GROUP}",
        "read_only": True,
        "init": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "restart": "unless-stopped",
        "deploy": {"resources": {"limits": limits}},
        "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}},
    }


def _take_image(deployment: Deployment) -> Section:
    image, accelerator = deployment.image, deployment.compose.accelerator
    reference = {"image": image.reference(accelerator)}
    if image.context is None:
        return reference
    build = {
        "context": image.context,
        "dockerfile": f"{image.folder}/Dockerfile",
        "args": {"ACCELERATOR": accelerator},
    }
    return reference | {"build": build, "pull_policy": "build"}


def _mount(source: str, target: str, *, read_only: bool = False) -> Section:
    """A folder or file of the deployment; one that does not exist is an error, never made."""
    mount: Section = {"type": "bind", "source": source, "target": target}
    if read_only:
        mount["read_only"] = True
    return mount | {"bind": {"create_host_path": False}}


def _scratch() -> list[str]:
    """Where Ventral's image may write, in memory; its home is for its user alone."""
    return ["/tmp", f"/home/ventral:mode=0700,uid={USER},gid={GROUP}"]


def _probe(*words: str) -> Section:
    return {
        "test": ["CMD", *words],
        "interval": "15s",
        "timeout": "10s",
        "retries": 10,
        "start_period": "60s",
    }


def _after(*services: str) -> Section:
    return {service: {"condition": "service_healthy"} for service in services}


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
