"""genome -> network: the only public constructor.

`build(genome)` gives a `Network` with the genome's initial values. A network computes and knows
its genome; it reads no files, has no clock but the genome's, and does not train itself.
"""

from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import closing
from copy import copy
from numbers import Integral

import torch
from torch import Tensor, nn
from torch.fx import Proxy

from models.called import CalledUnroll
from models.initial import initialise
from models.literal import LiteralUnroll, Moment, StageModule, head_part
from models.parameters import Clock, Part, starts
from models.planned import PlannedUnroll
from models.programs import Programs
from models.readout import DecoderModule
from space.documents.html import format_facts, format_lines
from space.errors import InputError
from space.genome import Genome
from space.network.architecture import HEAD
from space.network.sizes import first_informed_step
from space.step.parameters import Table, parameters
from space.step.stages import write_step
from space.unroll.plan import Unroll
from space.unroll.reads import Read

Trace = dict[str, dict[int, Tensor]]

# Where PyTorch keeps the hooks of a module, which it has no public way to ask for.
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def build(
    genome: Genome,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    unroll: Unroll = "planned",
    recompute: bool = False,
) -> "Network":
    """The network of a genome, untrained, on the CPU.

    Every parameter starts from `seed` and its own name: the same genome and seed give the same
    network, whatever `dtype`. `unroll` says how it is executed: `planned` computes only what is
    needed, `literal` every stage at every step, with equal results up to rounding. `recompute`
    trains the planned unroll in less memory and more time: its backward pass computes most values
    again. Raises GenomeError where the parts do not fit.
    """
    network = Network(genome, dtype=dtype, unroll=unroll, recompute=recompute)
    initialise(network, seed)
    return network


class Network(nn.Module):
    """A genome as a module: images in, logits out.

    Parameters live under `stages.NAME` (`join`, `convolution`, `cell`, `second`, `residual`),
    `head` and `decoder`. Running averages of batch norms are buffers beside them: `train()` takes
    a batch's own statistics, `eval()` the averages.
    Images are [B,C,S,S] with the genome's channels and size, normalised already: what follows
    when the image is off is the genome's `blank`, in the same units. A network runs on any
    device, on a GPU in the layout of its images (`channels_last` or not), and under autocast,
    where states that integrate stay in the images' own type.

    While a part has PyTorch hooks, every part is called at every step (`models/called.py`), with
    equal results up to rounding: a hook fires once for each step that is computed, and
    `current_step` of its module, and of the network, is that step. Each part puts out a tensor: a
    stage its output, `stages.conv3.convolution` and `.cell` theirs, `.cell.states.NAME` a state,
    and so on down to every part with parameters, and `head` the logits. A part that only holds
    others is not called. Hooks on all modules at once, by which profilers count, see the network
    as it runs and change nothing; those of a view that `hooked()` returns see every part.
    """

    def __init__(
        self,
        genome: Genome,
        *,
        dtype: torch.dtype = torch.float32,
        unroll: Unroll = "planned",
        recompute: bool = False,
    ) -> None:
        super().__init__()
        self.genome, self.unroll, self.recompute = genome, unroll, recompute
        operations, table = write_step(genome), parameters(genome)
        programs = Programs(operations)
        stages = [
            StageModule(programs, place, stage.name, table.under(f"stages.{stage.name}"), dtype)
            for place, stage in enumerate(genome.stages)
        ]
        self.stages = Part(Table(), dtype, {stage.name: stage for stage in stages})
        self.head = head_part(programs, table.under(HEAD), dtype)
        self.decoder = DecoderModule(genome.decoder, table.under("decoder"), dtype)
        self._literal = LiteralUnroll(genome, operations, stages, self.head)
        self._planned = PlannedUnroll(genome, operations)
        # Listed once, since walking through the tree at every call takes time.
        stepped = (item for item in self.named_modules() if item[1] is not self.decoder)
        self._by_path = {name: part for name, part in stepped if isinstance(part, Part)}
        self._clock, self.calls_parts = Clock(), False
        for part in self._by_path.values():
            part.clock = self._clock
        self._called = CalledUnroll(genome, operations, self._by_path, self._clock)

    @property
    def image_size(self) -> int:
        """Side of the images in pixels."""
        return self.genome.image.size

    @property
    def image_channels(self) -> int:
        """Channels of the images."""
        return self.genome.image.channels

    @property
    def classes(self) -> int:
        """How many logits an image has."""
        return self.genome.classes

    @property
    def current_step(self) -> int | None:
        """The step (0-based) whose parts are being called; None outside of calls. For hooks."""
        return self._clock.step

    def hooked(self) -> "Network":
        """A view of this network whose forward passes always call every part at every step.

        Parts, weights and hooks are shared, names are the same. A network does so by itself while
        a part has a hook; the view is for hooks on all modules at once, which do not show on any.
        """
        view = copy(self)
        view.calls_parts = True
        return view

    def _repr_html_(self) -> str:
        """What a notebook shows of it: facts, the equations of its cells, and its circuit."""
        from space.circuits import draw_circuit
        from space.equation.network import describe_network

        numbers = sum(one.numel() for one in self.parameters())
        facts = {
            "stages": [stage.name for stage in self.genome.stages],
            "time steps": self.genome.clock.steps,
            "parameters": f"{numbers:,}",
            "images": f"{self.image_size} pixels, {self.image_channels} channels",
            "classes": self.classes,
            "digest": self.genome.digest,
        }
        words = format_lines(describe_network(self.genome))
        return format_facts("Network", facts) + words + draw_circuit(self.genome)

    def forward(self, images: Tensor) -> Tensor:
        """images [B,C,S,S] -> logits [B,classes], by the genome's decoder."""
        return self._decoded(self._logits(images, self.genome.window))

    def step_logits(self, images: Tensor) -> Tensor:
        """images [B,C,S,S] -> the head's logits of every step, [B,T,classes].

        Before `first_valid_step("head")` they do not depend on the image.
        """
        return self._logits(images, range(self.genome.clock.steps))

    def decode(self, step_logits: Tensor) -> Tensor:
        """Logits of every step [B,T,classes] -> logits [B,classes]: what `forward` gives."""
        expected = (self.genome.clock.steps, self.classes)
        if step_logits.dim() != 3 or step_logits.shape[1:] != expected:
            raise InputError(
                "step_logits",
                f"shape {tuple(step_logits.shape)} is not that of all steps",
                f"give [batch, {expected[0]}, {expected[1]}], as step_logits() does",
            )
        return self._decoded(step_logits[:, self.genome.window.start :])

    def trace(
        self,
        images: Tensor,
        stages: Sequence[str] | None = None,
        steps: Collection[int] | None = None,
        *,
        informed: bool = False,
    ) -> Trace:
        """Activations by name and step.

        Names: a stage (its output, after the pool: what others read), `STAGE.input` (what comes
        out of its convolution: the cell's input), `STAGE.STATE` (a state of its cell), and `head`
        (the logits). By default all stages, at all steps (0-based). As published, a stage that
        the image has not reached has an output as well; with `informed` those steps are left out
        of the default and refused where they are asked for. Raises InputError for a name or a
        step that does not exist.
        """
        if isinstance(stages, str):
            raise InputError("stages", f'"{stages}" is one name', f'give a list: ["{stages}"]')
        if steps is not None and not isinstance(steps, Collection):
            raise InputError("steps", f"{steps!r} is not a list", "give a list of steps: [0, 1]")
        names = [stage.name for stage in self.genome.stages] if stages is None else [*stages]
        wanted = {name: self._steps(name, steps, informed) for name in names}
        trace: Trace = {name: {} for name in names}
        reads = [(name, step) for name, steps in wanted.items() for step in steps]
        for (name, step), value in self.read(images, reads).items():
            trace[name][step] = value
        return trace

    def read(self, images: Tensor, reads: Collection[Read]) -> dict[Read, Tensor]:
        """The values of some names at some steps, both as in `trace`, in the order of steps.

        images [B,C,S,S] -> a map [B,C',H,W] for each, logits [B,classes] for `head`. Raises
        InputError for images that do not fit the network.
        """
        self._check(images)
        ordered = sorted(reads, key=lambda read: (read[1], read[0]))
        if not ordered:
            return {}
        if self.calls_parts or self._has_hooks():
            return _read_moments(self._called.run, images, ordered)
        if self.unroll == "literal":
            return _read_moments(self._literal.run, images, ordered)
        return self._planned.run(self._part_at, images, ordered, recompute=self.recompute)

    def first_valid_step(self, stage: str) -> int:
        """The first step (0-based) at which a stage, or `head`, depends on the image.

        Raises GenomeError if there is no such stage.
        """
        return first_informed_step(self.genome, stage)

    def decays(self) -> dict[str, float]:
        """The L2 coefficient of every parameter by name: loss += coefficient * sum(w^2) / 2.

        Kernels have the genome's `decay`, biases its `bias_decay`. Gains and shifts of norms,
        learned scalars, weights by position and residual projections have none unless their term
        gives one (trap 9).
        """
        return {name: start.decay for name, _, start in starts(self)}

    def _logits(self, images: Tensor, window: range) -> Tensor:
        """The head's logits of the steps in `window`, [B,T',classes]."""
        read = self.read(images, [(HEAD, step) for step in window])
        return torch.stack([*read.values()], 1).to(images.dtype)

    def _part_at(self, path: str) -> Part:
        """The part at a path, as operations name it."""
        top, _, rest = path.partition(".")
        return self.head if top == HEAD else self.stages.below(rest)

    def _has_hooks(self) -> bool:
        """Whether somebody waits for a part to be called, which the planned unroll does not do.

        Raises InputError where all who wait do so for parts that are never called.
        """
        waited = [part for part in self._by_path.values() if any(map(vars(part).get, _HOOKS))]
        if waited and self._called.called.isdisjoint(waited):
            name = next(name for name, part in self._by_path.items() if part is waited[0])
            cure = "hook a part within it, or that it is within, or use trace()"
            raise InputError(name, "only holds other parts and is never called", cure)
        return bool(waited)

    def _decoded(self, logits: Tensor) -> Tensor:
        decoded: Tensor = self.decoder(logits)
        return decoded.to(logits.dtype)

    def _check(self, images: Tensor) -> None:
        """Raises InputError unless these are images of the network's own size, type and place."""
        size = self.image_size
        expected = f"[batch, {self.image_channels}, {size}, {size}]"
        if isinstance(images, Proxy):  # of torchvision's feature extractor, say
            problem = "torch.fx does not follow a network that has steps and checks its images"
            raise InputError("images", problem, "use ventral.record_activations, or torch.export")
        if not isinstance(images, Tensor):
            kind = type(images).__name__
            raise InputError("images", f"a {kind} is not a tensor", f"give a tensor {expected}")
        if images.dim() != 4 or images.shape[1:] != (self.image_channels, size, size):
            raise InputError(
                "images",
                f"shape {tuple(images.shape)} does not fit this network",
                f"give {expected}",
            )
        weight = self.head.tensor("kernel")
        if not images.is_floating_point():
            kind = str(images.dtype).removeprefix("torch.")
            raise InputError(
                "images", f"{kind} pixels are not normalised", "use ventral.normalise"
            )
        if images.device != weight.device:
            problem = f"they are on {images.device}, the network is on {weight.device}"
            raise InputError("images", problem, f'write images.to("{weight.device}")')
        if images.dtype != weight.dtype and not torch.is_autocast_enabled(images.device.type):
            problem = f"they are {images.dtype}, the network is {weight.dtype}"
            raise InputError("images", problem, f"write images.to({weight.dtype})")

    def _steps(self, name: str, steps: Collection[int] | None, informed: bool) -> frozenset[int]:
        """The steps to keep of a name, which must exist."""
        stage, _, part = name.partition(".")
        known = [HEAD] if stage == HEAD else self._parts(stage)
        if part not in known and not (stage == HEAD and not part):
            raise InputError(
                f"stages: {name}",
                "there is nothing of that name to trace",
                f"{stage} has {', '.join(p for p in known if p) or 'its output only'}",
            )
        first = self.first_valid_step(stage) if informed else 0
        total = self.genome.clock.steps
        if steps is None:
            return frozenset(range(first, total))
        for step in steps:
            if not isinstance(step, Integral) or not 0 <= int(step) < total:
                raise InputError(
                    f"steps: {step}", f"the clock has {total} steps", f"give 0 to {total - 1}"
                )
            if step < first:
                raise InputError(
                    f"steps: {step}",
                    f"no image has reached {stage} yet",
                    f"give {first} or later",
                )
        return frozenset(steps)

    def _parts(self, stage: str) -> list[str]:
        names = [s.name for s in self.genome.stages]
        if stage not in names:
            raise InputError(
                f"stages: {stage}",
                "no stage has that name",
                f"there are {', '.join(names)}, {HEAD}",
            )
        cell = self.genome.stages[names.index(stage)].cell
        return ["", "input", *(() if cell is None else self.genome.cells[cell].states)]


def _read_moments(
    run: Callable[[Tensor, Collection[int]], Generator[Moment]],
    images: Tensor,
    reads: Collection[Read],
) -> dict[Read, Tensor]:
    """The values that are read, by an execution that goes step by step."""
    wanted: dict[int, list[str]] = {}
    for name, step in reads:
        wanted.setdefault(step, []).append(name)
    moments = run(images, [step for step, names in wanted.items() if HEAD in names])
    read: dict[Read, Tensor] = {}
    with closing(moments):
        for moment in moments:
            read |= {(n, moment.step): moment.values[n] for n in wanted.get(moment.step, ())}
            if moment.step == max(wanted):
                break
    return read
