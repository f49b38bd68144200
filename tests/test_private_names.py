"""Where the code uses private names of Ray, Optuna, HyperOpt and MLflow, and the tests of it.

Such names may change with any minor release of theirs, which is why pyproject.toml allows tested
ones only (search/host/libraries.py). `make test-newest` installs the newest releases all the same
and runs this file, which says what has moved, and the tests of this list:

    python -m tests.test_private_names
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.shrinking import ROOT, product_files

LIBRARIES = ("ray", "optuna", "hyperopt", "mlflow")

TESTED: dict[str, tuple[str, ...]] = {
    "search/samplers/optuna_internals.py": (
        "tests/search/samplers/test_optuna_internals.py",
        "tests/search/test_samplers.py",
    ),
    "search/samplers/via_hyperopt.py": (
        "tests/search/test_samplers.py",
        "tests/search/test_native_spaces.py",
    ),
    "search/tune/loop.py": ("tests/search/tune/test_loop.py", "tests/search/test_driver.py"),
    "search/tune/ray_internals.py": (
        "tests/search/tune/test_ray_internals.py",
        "tests/search/tune/test_cluster.py",
        "tests/search/tune/test_joining.py",
        "tests/search/assign/test_losses.py",
        "tests/search/tune/test_scheduler.py",
        "tests/search/test_driver.py",
    ),
}
"""The tests of each module that uses private names, wherever they stand below the folder."""

PRIVATE: dict[str, tuple[str, ...]] = {
    "ray._raylet": (
        "AuthenticationTokenLoader.instance",
        "AuthenticationTokenLoader.reset_cache",
        "Config.initialize",
        "GcsClient",
        "InnerGcsClient.internal_kv_keys",
    ),
    "ray._private.ray_constants": ("ENABLE_RAY_CLUSTER",),
    "ray._private.worker": ("_worker_logs_enabled",),
    "ray.job_config": ("JobConfig._get_proto_job_config", "JobConfig._py_driver_sys_path"),
    "ray.air.execution": (
        "FixedResourceManager._requested_resources",
        "FixedResourceManager.has_resources_ready",
    ),
    "ray.air.execution._internal.actor_manager": (
        "RayActorManager._actor_task_failed",
        "RayActorManager.is_actor_started",
        "RayActorManager.remove_actor",
    ),
    "ray.tune.execution.class_cache": ("_ActorClassCache._cache", "_ActorClassCache.get"),
    "ray.tune.execution.placement_groups": ("resource_dict_to_pg_factory",),
    "ray.tune.experiment": (
        "Trial.generate_id",
        "Trial.get_trainable_cls",
        "Trial.relative_logdir",
    ),
    "ray.tune.execution.tune_controller": (
        "TuneController._actor_cache",
        "TuneController._actor_manager",
        "TuneController._actor_to_trial",
        "TuneController._class_cache",
        "TuneController._failed_trials",
        "TuneController._live_trials",
        "TuneController._mark_trial_to_checkpoint",
        "TuneController._maybe_reuse_cached_actor",
        "TuneController._pending_trials_list",
        "TuneController._process_trial_result",
        "TuneController._resetting_trials",
        "TuneController._stopped_trials",
        "TuneController._trial_to_actor",
        "TuneController._trials",
        "TuneController._unstage_trial_with_resources",
        "TuneController.add_trial",
        "TuneController.checkpoint",
        "TuneController.cleanup",
        "TuneController.is_finished",
        "TuneController.on_step_end",
        "TuneController.setup_experiments",
        "TuneController.step",
        "TuneController.update_max_pending_trials",
        "_ObjectCache.increase_max",
    ),
    "optuna.samplers._lazy_random_state": ("LazyRandomState.rng",),
    "optuna.samplers._tpe._truncnorm": ("_log_gauss_mass", "_norm_pdf_logC"),
    "optuna.samplers._tpe.parzen_estimator": ("_ParzenEstimator._mixture_distribution",),
    "optuna.samplers._tpe.probability_distributions": (
        "_BatchedCategoricalDistributions",
        "_MixtureOfProductDistribution",
    ),
    "optuna.samplers._tpe.sampler": ("TPESampler._parzen_estimator_parameters", "default_gamma"),
    "optuna.samplers.nsgaii._child_generation_strategy": ("NSGAIIChildGenerationStrategy",),
    "optuna.samplers.nsgaii._elite_population_selection_strategy": (
        "NSGAIIElitePopulationSelectionStrategy",
    ),
    "hyperopt.base": ("Domain.s_new_ids", "Domain.s_rng"),
    "hyperopt.tpe": ("build_posterior_wrapper",),
    "hyperopt.pyll": ("as_apply", "dfs", "rec_eval", "scope.ap_split_trials", "scope.define"),
}
"""By module, the private names that are used, and those that no documentation describes."""

INTERNAL = {"search/samplers/via_hyperopt.py"}
"""Modules that use what a library has no underscore for and does not document either."""

_PRIVATE = re.compile(r"_[A-Za-z]\w*")
_PATH = re.compile(rf"({'|'.join(LIBRARIES)})(\.\w+)*\._[A-Za-z]\w*(\.\w+)*")
_OTHERS = {"self", "cls", "super()", "os"}
"""What may have private names in a module that uses the libraries, without their being theirs."""
_NAMEDTUPLE = {"_asdict", "_fields", "_make", "_replace"}


def find_private_names(source: str) -> list[str]:
    """The private names of the libraries that a module uses: those that it imports, those in
    dotted paths that it writes as text, and private attributes of what is not its own.
    """
    nodes = list(ast.walk(ast.parse(source)))
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    if not any(_library(path) for node in imports for path in _imported(node)):
        return [name for node in nodes for name in _text(node)]
    names = [name for node in nodes for name in (*_text(node), *_attribute(node))]
    return names + [
        path
        for node in imports
        for path in _imported(node)
        if _library(path) and any(map(_PRIVATE.fullmatch, path.split(".")))
    ]


def _library(path: str) -> bool:
    return path.partition(".")[0] in LIBRARIES


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    for alias in node.names:
        yield alias.name if isinstance(node, ast.Import) else f"{node.module or ''}.{alias.name}"


def _text(node: ast.AST) -> Iterator[str]:
    text = node.value if isinstance(node, ast.Constant) else None
    if isinstance(text, str) and _PATH.fullmatch(text):
        yield text


def _attribute(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute) and _PRIVATE.fullmatch(node.attr):
        owner = ast.unparse(node.value)
        if owner not in _OTHERS and node.attr not in _NAMEDTUPLE:
            yield f"{owner}.{node.attr}"


def list_tests() -> list[str]:
    """This file and the test files that touch private names, each once."""
    names = {Path("tests", Path(__file__).name)}
    names |= {Path(test) for tests in TESTED.values() for test in tests}
    files = {file for name in names for file in (ROOT / name.parent).rglob(name.name)}
    return sorted(file.relative_to(ROOT).as_posix() for file in files)


def test_every_use_of_private_names_is_listed_with_its_tests() -> None:
    found = {
        file.relative_to(ROOT).as_posix(): names
        for file in product_files()
        if (names := find_private_names(file.read_text()))
    }
    assert sorted(found.keys() | INTERNAL) == sorted(TESTED), found
    assert {Path(test).name for test in list_tests()} == {
        Path(__file__).name,
        *(Path(test).name for tests in TESTED.values() for test in tests),
    }
    words = set(re.findall(r"\w+", "\n".join(file.read_text() for file in product_files())))
    listed = {name.rpartition(".")[2] for names in PRIVATE.values() for name in names}
    assert listed <= words


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from ray.tune import Trial\nself._trial\n", []),
        ("from os import _exit\nother._thing\n", []),
        ("import ray._private.worker\n", ["ray._private.worker"]),
        ("from optuna.samplers import _tpe\n", ["optuna.samplers._tpe"]),
        ("def late():\n    from ray._raylet import Client\n", ["ray._raylet.Client"]),
        ("load('ray._private.worker')\n", ["ray._private.worker"]),
        ("import ray\nray.get(actor)._value\n", ["ray.get(actor)._value"]),
        ("import ray\nsuper()._reuse(trial)\n", []),
        ("import ray\nparts._replace(netloc='')\n", []),
        ("from raytracing import _engine\n", []),
    ],
)
def test_private_names_are_seen(source: str, names: list[str]) -> None:
    assert find_private_names(source) == names


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in PRIVATE.items() for name in names]
)
def test_a_private_name_is_where_it_was(module: str, name: str) -> None:
    library = module.partition(".")[0]
    assert is_there(module, name), (
        f"{module}.{name} is not in {library} {version(library)}: it has moved"
    )


def is_there(module: str, name: str) -> bool:
    """Whether a module has a name, or a class in it an attribute, which its methods may make."""
    try:
        owner: object = importlib.import_module(module)
    except ImportError:
        return False
    *path, last = name.split(".")
    for part in path:
        if not hasattr(owner, part):
            return False
        owner = getattr(owner, part)
    return hasattr(owner, last) or (inspect.isclass(owner) and last in _written(owner))


def _written(owner: type) -> set[str]:
    """The names in the code of a class's methods, those of its bases among them."""
    codes = [
        function.__code__
        for base in owner.__mro__
        for function in vars(base).values()
        if inspect.isfunction(function)
    ]
    return {name for code in codes for name in code.co_names}


def test_a_name_that_moved_is_missed() -> None:
    for module, name in (
        ("ray.tune.execution.tune_controller", "TuneController._trial_to_worker"),
        ("ray.tune.execution.tune_controller", "Controller.add_trial"),
        ("ray.tune.gone", "TuneController"),
        ("optuna.samplers._tpe.sampler", "default_delta"),
    ):
        assert not is_there(module, name)


def test_all_private_members_of_bases_are_listed() -> None:
    listed = {name.rpartition(".")[2] for names in PRIVATE.values() for name in names}
    used = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in product_files()
        for name in find_inherited(file.read_text())
        if name not in listed
    }
    assert not used


def find_inherited(source: str) -> set[str]:
    """Private names in classes with a library's base that they read and do not make.

    One that a class overrides without asking `super()` looks like its own; PRIVATE has it.
    """
    tree = ast.parse(source)
    theirs = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and _library(node.module or "")
        for alias in node.names
    }
    names: set[str] = set()
    for owner in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        if {ast.unparse(base) for base in owner.bases} & theirs:
            names |= _members(owner)
    return names


def _members(owner: ast.ClassDef) -> set[str]:
    members = [
        node
        for node in ast.walk(owner)
        if isinstance(node, ast.Attribute)
        and _PRIVATE.fullmatch(node.attr)
        and ast.unparse(node.value) in ("self", "super()")
    ]
    made = {node.attr for node in members if isinstance(node.ctx, ast.Store)}
    made |= {node.name for node in owner.body if isinstance(node, ast.FunctionDef)}
    inherited = {node.attr for node in members if ast.unparse(node.value) == "super()"}
    return ({node.attr for node in members} - made) | inherited


def test_inherited_names_are_seen() -> None:
    source = """
from ray.tune import Loop as Theirs
class Mine(Theirs):
    def __init__(self): self._mine = 1
    def _mark(self): return self._mine + self._own() + self._trials + super()._mark()
    def _own(self): ...
class Other(Mine):
    def _own(self): return self._thing
"""
    assert find_inherited(source) == {"_mark", "_trials"}


if __name__ == "__main__":
    print(*list_tests())
