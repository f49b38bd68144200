"""From the typed file of a deployment to the files of a target, by name.

Manifests are values that PyYAML writes, so that they are YAML whatever stands in them; the image
and the scripts are text templates, filled with words that settings.py has held to patterns.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from search.deployment.compose import build_compose
from search.deployment.kubernetes import build_cluster, build_job, build_network
from search.deployment.kueue import build_queued_job, build_queues
from search.deployment.settings import Deployment
from search.host.programs import PACKAGES
from space.errors import InputError

Target = Literal["image", "compose", "kuberay", "kueue", "slurm"]
TARGETS: tuple[Target, ...] = get_args(Target)

BUILD_FILES = ("pyproject.toml", "README.md", "LICENSE", "setup.py", "MANIFEST.in")
BUILD_FOLDERS = ("building",)
"""What its build reads besides the packages: metadata, and the backend."""

_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPTS = {
    "image": ("campaign.sh", "entrypoint.sh", "mlflow.sh"),
    "compose": ("databases.sh", "backup.sh", "restore.sh"),
}
_HEADER = (
    "# Written by `ventral deploy render --to {target}`: change the typed file, not this one.\n"
)


def render_target(deployment: Deployment, target: Target) -> dict[str, str]:
    """The texts of a target's files, by their path below the folder of the deployment."""
    match target:
        case "image":
            return _render_image(deployment)
        case "compose":
            built = deployment.image.context is not None
            image = _render_image(deployment) if built else {}
            texts = {name: _read(name) for name in _SCRIPTS["compose"]}
            compose = _write_yaml(target, build_compose(deployment))
            return image | texts | {"compose.yaml": compose}
        case "kuberay":
            return {
                "kuberay/cluster.yaml": _write_yaml(target, build_cluster(deployment)),
                "kuberay/job.yaml": _write_yaml(target, build_job(deployment)),
                "kuberay/network.yaml": _write_yaml(target, build_network(deployment)),
            }
        case "kueue":
            return {
                "kueue/queues.yaml": _write_yaml(target, *build_queues(deployment)),
                "kueue/job.yaml": _write_yaml(target, build_queued_job(deployment)),
            }
        case "slurm":
            words = {"name": deployment.name, "slurm": deployment.slurm}
            return {"slurm/ventral.sbatch": _fill("ventral.sbatch", words)}


def write_files(texts: Mapping[str, str], out: Path) -> list[Path]:
    """Write `texts` below `out` and return their paths; scripts may be executed.

    Raises InputError where a folder stands in the place of a file.
    """
    written = []
    for name, text in texts.items():
        file = out / name
        if file.is_dir():
            raise InputError(str(file), "is a folder", "name another place with --out")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        if file.suffix in (".sh", ".sbatch"):
            file.chmod(0o755)
        written.append(file)
    return written


def _render_image(deployment: Deployment) -> dict[str, str]:
    image = deployment.image
    words = {
        "base": image.base.reference,
        "user": image.user,
        "folder": image.folder,
        "cpu_index": image.cpu_index,
        "cpu": image.reference("cpu"),
        "cuda": image.reference("cuda"),
        "packages": (*BUILD_FOLDERS, *PACKAGES),
        "build_files": BUILD_FILES,
    }
    texts = {name: _fill(name, words) for name in ("Dockerfile", "Dockerfile.dockerignore")}
    return texts | {name: _read(name) for name in _SCRIPTS["image"]}


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _fill(name: str, words: Mapping[str, object]) -> str:
    import jinja2

    # Nothing of these texts is HTML.
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    environment.filters["home"] = _expand_home
    return environment.from_string(_read(name)).render(words)


def _expand_home(path: str) -> str:
    """A path for a shell's double quotes, in which `~` would be a letter."""
    return f"$HOME{path[1:]}" if path.startswith("~/") else path


class _Dumper(yaml.SafeDumper):
    """Block style with lists indented below their key, and nothing written as an alias."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _write_yaml(target: Target, *documents: Mapping[str, Any]) -> str:
    text = yaml.dump_all(
        documents, Dumper=_Dumper, sort_keys=False, width=10_000, explicit_start=len(documents) > 1
    )
    return _HEADER.format(target=target) + text
