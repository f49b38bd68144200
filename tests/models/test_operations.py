"""Every kind of operation against PyTorch's own functions, on parameters of a part."""

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from models.operations import (
    MultiplyAdd,
    Setting,
    execute,
    frame,
    prepare,
    prepare_bias,
    spread_bias,
    zeros,
)
from models.parameters import Part
from space.network.grammar import Initial
from space.network.maps import Map
from space.step.operations import (
    Activate,
    Bias,
    Classify,
    Concatenate,
    Convolve,
    Multiply,
    Normalise,
    Pooled,
    Resize,
    Scale,
    Separate,
    Sum,
    Weigh,
)
from space.step.parameters import Buffer, Start, Table, Trainable

SHAPES = {
    "one.kernel": (4, 3, 3, 3),
    "one.bias": (4,),
    "two.kernel": (2, 3, 3, 3),
    "thin.depthwise": (3, 1, 3, 3),
    "thin.depthwise_first": (3, 1, 3, 3),
    "thin.pointwise": (4, 3, 1, 1),
    "thin.bias": (4,),
    "decay.scalar": (1,),
    "peephole.position": (3, 6, 6),
    "norm.gain": (3,),
    "norm.shift": (3,),
    "head.kernel": (5, 3),
    "head.bias": (5,),
}
START = Start(initial=Initial(scheme="constant", scale=0.0))
LAYER = Normalise(
    weights="norm", kind="group", groups=1, interleaved=False, epsilon=1e-5, momentum=0.1
)
BATCH = Normalise(
    weights="norm", kind="batch", groups=1, interleaved=False, epsilon=1e-5, momentum=0.1
)
ONE = Convolve(weights="one", first=0, channels=3, kernel=3, padding=(1, 1), bias=True)
TWO = Convolve(weights="two", first=0, channels=3, kernel=3, padding=(1, 1), bias=False)


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def parts() -> Part:
    entries = [Trainable(path=path, shape=shape, start=START) for path, shape in SHAPES.items()]
    running = [
        Buffer(path=f"norm.running_{name}", shape=(3,), value=value)
        for name, value in (("mean", 0.25), ("variance", 2.0))
    ]
    made = Part(Table((*entries, *running)), torch.float64)
    with torch.no_grad():
        for seed, parameter in enumerate(made.parameters()):
            parameter.copy_(numbers(*parameter.shape, seed=seed))
    return made


def tensor(parts: Part, path: str) -> Tensor:
    return dict(parts.named_parameters())[path].detach()


X = numbers(2, 3, 6, 6, seed=50)
SETTING = Setting(like=X, layout=torch.contiguous_format, defers=False)


@torch.no_grad()
def value(parts: Part, *whats: object, operands: tuple[Tensor, ...] = (X,)) -> Tensor:
    ready = prepare(whats, parts.below, SETTING)  # type: ignore[arg-type]
    return execute(whats[0], operands, ready)  # type: ignore[arg-type]


def test_a_convolution_and_a_part_of_one(parts: Part) -> None:
    kernel, bias = tensor(parts, "one.kernel"), tensor(parts, "one.bias")
    added = Convolve(
        weights="one", first=1, channels=2, kernel=3, padding=(0, 1), bias=True, added=0.5
    )
    assert torch.equal(value(parts, ONE), functional.conv2d(X, kernel, bias, padding=1))
    padded = functional.pad(X[:, 1:], (0, 1, 0, 1))
    expected = functional.conv2d(padded, kernel[:, 1:], bias + 0.5)
    assert torch.allclose(value(parts, added, operands=(X[:, 1:],)), expected)


def test_convolutions_of_one_value_are_joined_on_their_channels(parts: Part) -> None:
    together = value(parts, ONE, TWO)
    assert torch.allclose(together, torch.cat((value(parts, ONE), value(parts, TWO)), 1))


def test_a_constant_without_a_bias_is_added_alone(parts: Part) -> None:
    added = Convolve(
        weights="two", first=0, channels=3, kernel=3, padding=(1, 1), bias=False, added=0.5
    )
    assert torch.allclose(value(parts, added), value(parts, TWO) + 0.5)
    zero = Bias(weights="two", bias=False, added=0.5, map=Map(size=6, channels=2))
    bias = prepare_bias(zero, parts.below)
    assert bias is not None
    spread = spread_bias(zero, bias)
    assert spread.shape == (1, 2, 6, 6)
    assert (spread == 0.5).all()


@pytest.mark.parametrize("repeat", [False, True])
def test_separable_is_depthwise_with_elus_between_then_pointwise(
    parts: Part, repeat: bool
) -> None:
    what = Separate(
        weights="thin", first=0, channels=3, kernel=3, padding=(1, 1), repeat=repeat, bias=True
    )
    x = X
    if repeat:
        first = tensor(parts, "thin.depthwise_first")
        x = functional.elu(functional.conv2d(x, first, padding=1, groups=3))
    x = functional.conv2d(x, tensor(parts, "thin.depthwise"), padding=1, groups=3)
    expected = functional.conv2d(x, tensor(parts, "thin.pointwise"), tensor(parts, "thin.bias"))
    assert torch.allclose(value(parts, what), expected)


@pytest.mark.parametrize("path", ["decay.scalar", "peephole.position"])
def test_a_weight_multiplies(parts: Part, path: str) -> None:
    what = Weigh(weights=path.partition(".")[0])
    assert torch.equal(value(parts, what), X * tensor(parts, path))


def test_norms_take_their_own_statistics_or_the_running_ones(parts: Part) -> None:
    gain, shift = tensor(parts, "norm.gain"), tensor(parts, "norm.shift")
    layer = functional.group_norm(X, 1, gain, shift, 1e-5)
    assert torch.allclose(value(parts, LAYER), layer)
    mean, variance = torch.full((3,), 0.25).double(), torch.full((3,), 2.0).double()
    evaluated = functional.batch_norm(X, mean, variance, gain, shift, eps=1e-5)
    assert torch.allclose(value(parts.eval(), BATCH), evaluated)
    trained = functional.batch_norm(X, mean, variance, gain, shift, True, 0.1, 1e-5)
    assert torch.allclose(value(parts.train(), BATCH), trained)
    moved = parts.below("norm")
    assert torch.allclose(moved.statistic("running_mean"), mean)
    assert torch.allclose(moved.statistic("running_variance"), variance)


def pooled(kind: str) -> Pooled:
    return Pooled(kind=kind, kernel=2, stride=2, padding=(0, 0))


def test_kinds_without_parameters(parts: Part) -> None:
    y, z = numbers(2, 3, 6, 6, seed=51), numbers(2, 3, 6, 6, seed=52)
    pairs: list[tuple[object, tuple[Tensor, ...], Tensor]] = [
        (Concatenate(), (X, y), torch.cat((X, y), 1)),
        (Concatenate(), (X, y[:1]), torch.cat((X, y[:1].expand(2, 3, 6, 6)), 1)),
        (Activate(name="tanh"), (X,), X.tanh()),
        (Sum(constant=0.5), (X, y, z), X + y + z + 0.5),
        (Scale(offset=0.9, scale=-0.5), (X,), 0.9 - 0.5 * X),
        (Multiply(), (X, y, z), X * y * z),
        (MultiplyAdd(), (X, y, z), X + y * z),
        (pooled("max"), (X,), functional.max_pool2d(X, 2)),
        (pooled("mean"), (X,), functional.avg_pool2d(X, 2)),
        (
            Resize(size=4, mode="corners"),
            (X,),
            functional.interpolate(X, size=4, mode="bilinear", align_corners=True),
        ),
    ]
    for what, operands, expected in pairs:
        assert torch.allclose(value(parts, what, operands=operands), expected), what


def test_a_wide_sum_has_the_type_of_the_images(parts: Part) -> None:
    assert value(parts, Sum(wide=True), operands=(X.bfloat16(),)).dtype == X.dtype
    assert value(parts, Sum(), operands=(X.bfloat16(),)).dtype == torch.bfloat16


@pytest.mark.parametrize("form", ["mean_linear", "flatten_linear", "convolution_mean"])
def test_the_head(parts: Part, form: str) -> None:
    """A kernel of one position is the same classifier in every form."""
    head = parts.below("head")
    if form == "convolution_mean":
        head.kernel = torch.nn.Parameter(head.tensor("kernel")[:, :, None, None])
    x = X[:, :, :1, :1]
    expected = functional.linear(x[:, :, 0, 0], tensor(parts, "head.kernel").view(5, 3))
    found = value(parts, Classify(form=form), operands=(x,))
    assert torch.allclose(found, expected + tensor(parts, "head.bias"))


def test_frames_and_zeros() -> None:
    assert frame(X, shows_image=True, blank=0.5) is X
    assert (frame(X, shows_image=False, blank=0.5) == 0.5).all()
    assert zeros(Map(size=4, channels=5), SETTING).shape == (2, 5, 4, 4)
    assert zeros(Map(size=0, channels=5), SETTING).shape == (2, 5)
