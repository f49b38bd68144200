"""What a Dockerfile and the scripts of a deployment must not do, with the cure for each."""

import re
from collections.abc import Iterator

from search.deployment.finding import Mistake, check_image, check_variable, holds_secret

_PIPED = re.compile(r"\b(curl|wget)\b[^|]*\|\s*(sudo\s+)?(ba|z|da)?sh\b")
_ASSIGNED = re.compile(r"""(?:^|[\s;])(?:export\s+)?([A-Za-z_]\w*)=("[^"]*"|'[^']*'|[^\s;"']+)""")

SBATCH = {
    "nodes": "write how many machines the allocation has: #SBATCH --nodes=2",
    "ntasks-per-node": "write 1: `ray symmetric-run` starts one node a machine",
    "mem": "write the memory of a machine: #SBATCH --mem=64G",
    "time": "write a limit: #SBATCH --time=24:00:00",
}
"""The options without which a batch script is not this deployment's, with their cures."""


def check_dockerfile(text: str) -> list[Mistake]:
    """The mistakes of a Dockerfile; fields are its instructions with their lines."""
    mistakes: list[Mistake] = []
    arguments: dict[str, str] = {}
    stages: set[str] = set()
    user: tuple[int, str] | None = None
    for line, word, rest in _list_instructions(text):
        field = f"{word} (line {line})"
        if word == "ARG":
            name, _, value = rest.partition("=")
            arguments[name] = value
            mistakes += check_variable(field, name, value)
        elif word == "ENV":
            for name, value in _ASSIGNED.findall(f" {rest}"):
                mistakes += check_variable(field, name, value.strip("\"'"))
        elif word == "FROM":
            user = None
            mistakes += _check_base(field, rest, arguments, stages)
        elif word == "USER":
            user = (line, rest)
        elif word == "ADD":
            cure = "write COPY, or download in RUN and compare the checksum"
            mistakes.append(Mistake(field, "fetches or unpacks without a checksum", cure))
        elif word == "RUN":
            mistakes += _check_pipe(field, rest)
    if not stages:
        mistakes.append(Mistake("FROM", "missing", "begin with FROM NAME:TAG@DIGEST"))
    elif user is None or re.match(r"(0|root)(:|$)", user[1]):
        field = "USER" if user is None else f"USER (line {user[0]})"
        problem = "containers of this image run as root"
        mistakes.append(Mistake(field, problem, "write the user's number in the last stage"))
    return mistakes


def check_script(name: str, text: str) -> list[Mistake]:
    """The mistakes of a shell script: secrets in it, and guards that it lacks."""
    mistakes: list[Mistake] = []
    if not re.search(r"^set -euo pipefail$", text, re.MULTILINE):
        problem = "goes on after a command that failed"
        mistakes.append(Mistake("set", problem, "write set -euo pipefail below the comments"))
    for number, line in enumerate(text.splitlines(), start=1):
        field = f"line {number}"
        if re.match(r"\s*set\s+-\w*x", line) or re.match(r"\s*set -o xtrace", line):
            problem = "prints every command with the secrets in it"
            mistakes.append(Mistake(field, problem, "remove set -x"))
        if line.lstrip().startswith("#"):
            continue
        for variable, written in _ASSIGNED.findall(line):
            value = written.strip("\"'")
            if not value.startswith("$") or holds_secret("", value):
                mistakes += check_variable(field, variable, value)
        mistakes += _check_pipe(field, line)
    if re.search(r"^(exec )?mlflow server\b", text, re.MULTILINE) and "basic-auth" not in text:
        problem = "MLflow starts without accounts"
        mistakes.append(Mistake("mlflow server", problem, "add --app-name basic-auth"))
    if name.endswith(".sbatch"):
        mistakes += _check_batch(text)
    return mistakes


def _check_pipe(field: str, line: str) -> list[Mistake]:
    if not _PIPED.search(line):
        return []
    cure = "download it, compare its checksum, run it"
    return [Mistake(field, "runs what a server sends, unseen", cure)]


def _check_batch(text: str) -> Iterator[Mistake]:
    options = dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?", text, re.MULTILINE))
    for name, cure in SBATCH.items():
        if name not in options:
            yield Mistake(f"#SBATCH --{name}", "missing", cure)
    if options.get("ntasks-per-node", "1") != "1":
        problem = f"{options['ntasks-per-node']} tasks would start as many Rays on one machine"
        yield Mistake("#SBATCH --ntasks-per-node", problem, "write 1")
    if "gres" not in options and "gpus-per-node" not in options and "--num-gpus" in text:
        problem = "Ray offers GPUs that the allocation does not hold"
        yield Mistake("#SBATCH --gpus-per-node", problem, "write how many a machine has")
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    if "ray symmetric-run" not in code:
        cure = "start it with srun ray symmetric-run --address HEAD:PORT -- ventral submit ..."
        yield Mistake("ray symmetric-run", "missing", cure)
    for variable in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"):
        if not re.search(rf"^(export .*)?{variable}(=|\b.*$)", code, re.MULTILINE):
            problem = "every user of the machines could run code as you"
            cure = "write export RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH of a private file"
            yield Mistake(variable, problem, cure)
    if not re.search(r"^umask 0?077$", code, re.MULTILINE):
        yield Mistake("umask", "the token's file is open to others", "write umask 077")
    if option := re.search(r"--(dashboard-\w+|include-dashboard)\b", code):
        problem = f"{option[0]} ends every machine but the first, which alone takes it"
        yield Mistake("ray symmetric-run", problem, "remove the option: pages stay on 127.0.0.1")


def _check_base(
    field: str, rest: str, arguments: dict[str, str], stages: set[str]
) -> list[Mistake]:
    """The mistakes of a FROM; its stage is added to `stages`."""
    words = [word for word in rest.split() if not word.startswith("--")]
    base = re.sub(r"\$\{?(\w+)\}?", lambda name: arguments.get(name[1], ""), words[0])
    known = base in stages
    stages.add(words[2] if len(words) == 3 else base)
    return [] if known else check_image(field, base, digest=True)


def _list_instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, instruction, the rest on one line) of each instruction."""
    begun, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        begun = begun or number
        parts.append(line.rstrip().removesuffix("\\").strip())
        if line.rstrip().endswith("\\"):
            continue
        word, _, rest = " ".join(parts).partition(" ")
        yield begun, word.upper(), rest.strip()
        begun, parts = 0, []
