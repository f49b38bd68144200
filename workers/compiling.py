"""Whether compiling a network pays for one training, and the compiled functions if it does.

`torch.compile` takes seconds for every operation of a plan, and saves a part of every
update afterwards. A search trains thousands of different cells for minutes each, where it never
pays; one long training of one cell may be worth it. The decision follows from the plan and the
recipe alone, so that a training that is resumed decides as it did before. Compiled code is kept
on the disk by PyTorch (TORCHINDUCTOR_CACHE_DIR), for all trials of one structure on a machine.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from models.build import Network
from space.unroll.plan import plan
from workers.job import Recipe

# What `benchmarks/unroll.py --compile` measured on one core with PyTorch 2.13. An operation takes
# 0.2 to 0.4 seconds to compile with its gradient, 1.2 on a busy core, and is compiled again for
# scoring. An update saves so many seconds for each of them (calls that were joined). Convolutions
# lose a part of their time, since gradients of one kernel at many steps are then no longer taken
# together.
COMPILE_SECONDS = 0.8
SAVED_SECONDS = 1e-4
LOST = 0.05
MACS_A_SECOND = 4e10


def pays(network: Network, recipe: Recipe, updates: int, device: torch.device) -> bool:
    """Whether a training of so many updates is shorter with compilation.

    `always` and `never` of the recipe are obeyed; `auto` never compiles where nothing was
    measured: on a GPU, or without a compiler's speed known for the literal unroll.
    """
    if recipe.compile != "auto":
        return recipe.compile == "always"
    if device.type != "cpu" or recipe.unroll == "literal" or recipe.recompute:
        return False
    unrolled = plan(network.genome, training=True)
    operations = len(unrolled.operations)
    macs = (
        3 * recipe.batch_size * unrolled.planned_macs(recipe.batch_size)
    )  # there, and twice back
    convolving = macs / (MACS_A_SECOND * recipe.threads)
    saved = operations * SAVED_SECONDS - LOST * convolving
    return updates * saved > operations * COMPILE_SECONDS


def compile_call(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A function of images, compiled at its first call; unchanged without a compiler."""
    fast: Callable[..., Any] = torch.compile(function)
    failed = False

    def call(images: Tensor) -> Tensor:
        nonlocal failed
        if not failed:
            try:
                result: Tensor = fast(images)
            except _compiler_errors():
                failed = True
            else:
                return result
        return function(images)

    return call


def _compiler_errors() -> tuple[type[Exception], ...]:
    from torch._dynamo.exc import TorchDynamoException

    return (TorchDynamoException,)


def choose_functions(
    network: nn.Module, recipe: Recipe, updates: int, device: torch.device
) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """(images -> logits, images -> logits of every step) of a network, as training calls them."""
    if not isinstance(network, Network):
        steps: Any = getattr(network, "step_logits", network)
        return network, steps
    if not pays(network, recipe, updates, device):
        return network, network.step_logits
    return compile_call(network), compile_call(network.step_logits)
