from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.build import Network, build
from space.errors import DataError, InputError
from space.genomes import find_genome
from tests.support.networks import randomised, ten_stages
from tests.support.stimuli import write_stimuli
from workers import files
from workers.brains import tracing
from workers.brains.presentation import Presentation, place_image, set_clock
from workers.brains.stimuli import StimulusSet
from workers.brains.tracing import PUBLISHED, Pixels, trace_layers
from workers.data.preprocessing import normalise_pixels

SHOWN = Presentation(steps=10, blank_steps=3)
DEEP = ("conv4", "conv8.out", "conv9.input", "head")


@pytest.fixture(scope="module")
def network() -> Network:
    """Ten stages with feedback edges, for colour images of 16 pixels, in float64."""
    return randomised(ten_stages(image={"size": 16, "channels": 3}))


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory: pytest.TempPathFactory) -> StimulusSet:
    return write_stimuli(tmp_path_factory.mktemp("stimuli"), 5, 20)


def read_pixels(stimuli: StimulusSet, presentation: Presentation, size: int) -> torch.Tensor:
    assert stimuli.images is not None
    images = [
        np.asarray(Image.open(stimuli.images / row["filename"])) for row in stimuli.rows.values()
    ]
    placed = np.stack([place_image(image, presentation, size) for image in images])
    return normalise_pixels(placed, PUBLISHED)


def trace_literally(network: Network, images: torch.Tensor, presentation: Presentation) -> Any:
    """By layer and step, what the literal unroll gives under the presentation's clock."""
    genome = set_clock(network.genome, presentation)
    literal = Network(genome, dtype=images.dtype, unroll="literal")
    literal.load_state_dict(network.state_dict())
    with torch.no_grad():
        return literal.eval().trace(images, DEEP)


def check_equal(trace: tracing.Trace, expected: Any, tolerance: float) -> None:
    for layer, values in trace.layers.items():
        for place, step in enumerate(trace.steps[layer]):
            theirs = expected[layer][step].flatten(1).numpy()
            scale = max(1.0, abs(theirs).max())
            assert np.abs(values[:, place] - theirs).max() <= tolerance * scale


def test_a_published_network_with_feedback_as_the_literal_unroll_has_it(tmp_path: Path) -> None:
    shown = Presentation(steps=8, blank_steps=3, degrees=5)
    chosen = write_stimuli(tmp_path, 2, 24)
    genome = find_genome("rgc_intermediate").with_images(size=32, channels=3, classes=4)
    network = build(genome, seed=1)
    trace = trace_layers(network, chosen, shown, tmp_path / "traces", layers=DEEP, batch=2)
    check_equal(trace, trace_literally(network, read_pixels(chosen, shown, 32), shown), 2e-6)
    assert trace.steps["conv4"] == tuple(range(3, 11))
    assert trace.steps["head"] == (10,)


def test_no_batch_size_changes_a_trace(network: Network, stimuli: StimulusSet) -> None:
    images = read_pixels(stimuli, SHOWN, 16).double()
    expected = trace_literally(network, images, SHOWN)

    @settings(max_examples=5, deadline=None)
    @given(st.integers(1, 6))
    def check(batch: int) -> None:
        folder = tracing_folder(stimuli, f"batch-{batch}")
        trace = trace_layers(network, stimuli, SHOWN, folder, layers=DEEP, batch=batch)
        assert [*trace.stimuli] == [*stimuli.rows]
        check_equal(trace, expected, 2e-7)

    check()


def tracing_folder(stimuli: StimulusSet, name: str) -> Path:
    assert stimuli.images is not None
    folder = stimuli.images.parent / name
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def test_every_stage_from_its_first_valid_step_on(
    network: Network, stimuli: StimulusSet, tmp_path: Path
) -> None:
    shown = Presentation(steps=5, milliseconds=5)
    trace = trace_layers(network, stimuli, shown, tmp_path, source="ten stages")
    assert trace.steps == {f"conv{k + 1}": tuple(range(k, 5)) for k in range(5)}
    assert (trace.milliseconds, trace.source) == (5, "ten stages")
    for layer, values in trace.layers.items():
        assert isinstance(values, np.memmap)
        assert values.dtype == np.float32
        assert values.flags.c_contiguous
        assert values.shape[:2] == (5, len(trace.steps[layer]))
        assert (values.std(axis=0).max(axis=1) > 0).all()  # it depends on the image, at each step
    some = trace_layers(network, stimuli, shown, tmp_path, layers=["conv2"], steps=[4, 1])
    assert some.steps == {"conv2": (1, 4)}
    assert np.array_equal(some.layers["conv2"], trace.layers["conv2"][:, [0, 3]])


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            {"layers": ["conv4"], "steps": [2, 5]},
            "steps: 2: no image has reached conv4 at step 2; its first valid step is 3",
        ),
        ({"layers": ["head"]}, "its first valid step is 10, and the presentation has 5"),
        ({"steps": [9]}, "steps: 9: the presentation has 5 steps; show it longer"),
        ({"layers": ["conv4"], "steps": [5]}, "steps: 5: the presentation has 5 steps"),
        ({"layers": ["V4"]}, "layers: V4: there is nothing of that name to trace; there are"),
        ({"layers": []}, "layers: there is nothing to trace"),
        ({"layers": ["conv4"], "steps": []}, "layers: there is nothing to trace"),
    ],
)
def test_what_cannot_be_traced_is_one_error(
    network: Network, stimuli: StimulusSet, tmp_path: Path, arguments: dict[str, Any], line: str
) -> None:
    shown = Presentation(steps=5)
    with pytest.raises(InputError, match=line):
        trace_layers(network, stimuli, shown, tmp_path / "traces", **arguments)
    assert not (tmp_path / "traces").exists()


def test_the_image_s_end_and_the_blank_change_later_steps_only(
    network: Network, stimuli: StimulusSet, tmp_path: Path
) -> None:
    def trace(steps: int, blank: float | None = None) -> tracing.Trace:
        shown = Presentation(steps=steps, blank_steps=12 - steps, blank=blank)
        return trace_layers(network, stimuli, shown, tmp_path, layers=["conv1", "conv4", "conv6"])

    whole, short, black = trace(12), trace(5), trace(5, blank=-2.0)
    for place, layer in enumerate(["conv1", "conv4", "conv6"]):
        depth = (0, 3, 5)[place]
        same = np.array([step < 5 + depth for step in whole.steps[layer]])
        for changed in (whole, black):
            difference = abs(changed.layers[layer] - short.layers[layer]).max(axis=(0, 2))
            assert (difference[same] < 1e-6).all()
            assert (difference[~same] > 1e-3).all()


def test_steps_count_from_the_image_s_onset(stimuli: StimulusSet, tmp_path: Path) -> None:
    late = randomised(
        ten_stages(image={"size": 16, "channels": 3}, clock={"steps": 19, "image_on": 2})
    )
    shown = Presentation(steps=6)
    trace = trace_layers(late, stimuli, shown, tmp_path, layers=["conv3"])
    assert trace.steps == {"conv3": (2, 3, 4, 5)}
    images = read_pixels(stimuli, shown, 16).double()
    expected = late.eval().trace(images, ["conv3"])["conv3"]
    for place, step in enumerate(trace.steps["conv3"]):
        theirs = expected[step + 2].detach().flatten(1).numpy()
        assert np.allclose(trace.layers["conv3"][:, place], theirs, atol=1e-5)


def test_a_whole_trace_is_used_again(
    network: Network, stimuli: StimulusSet, tmp_path: Path
) -> None:
    def trace(**changes: Any) -> tracing.Trace:
        given: dict[str, Any] = {"layers": ["conv1"], "presentation": Presentation(steps=3)}
        given |= changes
        return trace_layers(given.pop("network", network), stimuli, folder=tmp_path, **given)

    first = trace()
    (folder,) = tmp_path.iterdir()
    stamp = (folder / "conv1.npy").stat().st_mtime_ns
    again = trace(presentation=Presentation(steps=3, milliseconds=20), batch=1)
    assert (folder / "conv1.npy").stat().st_mtime_ns == stamp
    assert [*tmp_path.iterdir()] == [folder]
    assert np.array_equal(again.layers["conv1"], first.layers["conv1"])
    assert again.milliseconds == 20
    others: list[dict[str, Any]] = [
        {"presentation": Presentation(steps=4)},
        {"presentation": Presentation(steps=3, grey=0.25)},
        {"layers": ["conv2"]},
        {"steps": [1]},
        {"statistics": Pixels(mean=(0.5, 0.5, 0.5), std=(1.0, 1.0, 1.0))},
        {"network": randomised(network.genome, seed=1)},
    ]
    for number, changes in enumerate(others, start=2):
        trace(**changes)
        assert len([*tmp_path.iterdir()]) == number
    cut = folder / "conv1.npy"
    cut.write_bytes(cut.read_bytes()[:-4])
    problem = r"conv1.npy: has .* its header says .*; remove the folder"
    with pytest.raises(DataError, match=problem):
        trace()


def test_a_trace_that_is_cut_off_leaves_nothing(
    network: Network, stimuli: StimulusSet, tmp_path: Path
) -> None:
    seen = []

    def stop(done: int) -> None:
        seen.append((done, len([*tmp_path.glob(".*")])))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trace_layers(network, stimuli, Presentation(steps=3), tmp_path, batch=2, progress=stop)
    assert seen == [(2, 1)]
    assert [*tmp_path.iterdir()] == []


def test_a_disk_that_is_too_small_is_refused_before_it_starts(
    network: Network, stimuli: StimulusSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = 4 * 5 * 3 * 8 * 8 * 3  # bytes, stimuli, steps, conv1's map and width

    def trace(free: int, progress: Callable[[int], None]) -> tracing.Trace:
        usage = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=free))
        monkeypatch.setattr(tracing, "shutil", usage)
        shown = Presentation(steps=3)
        return trace_layers(network, stimuli, shown, tmp_path, layers=["conv1"], progress=progress)

    done: list[int] = []
    with pytest.raises(DataError, match=r"the trace takes 0.0 GB, and the disk has 0.0 GB"):
        trace(needed - 1, done.append)
    assert (done, [*tmp_path.iterdir()]) == ([], [])
    assert trace(needed, done.append).layers["conv1"].nbytes == needed
    assert done == [5]


def test_a_grey_network_sees_grey(stimuli: StimulusSet, tmp_path: Path) -> None:
    grey = build(ten_stages(image={"size": 16, "channels": 1}))
    trace = trace_layers(grey, stimuli, Presentation(steps=2), tmp_path)
    assert [*trace.layers] == ["conv1", "conv2"]
    two = build(ten_stages())
    with pytest.raises(InputError, match="the network takes images of 2 channels"):
        trace_layers(two, stimuli, Presentation(steps=2), tmp_path)


def test_an_image_that_is_none_is_named(network: Network, tmp_path: Path) -> None:
    broken = write_stimuli(tmp_path, 3, 8)
    (tmp_path / "images" / "1.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"1\.png: cannot be decoded \(not an image of JPEG"):
        trace_layers(network, broken, Presentation(steps=2), tmp_path / "traces")
    assert [*(tmp_path / "traces").iterdir()] == []


def test_partial_folders_of_killed_processes_go(
    network: Network, stimuli: StimulusSet, tmp_path: Path
) -> None:
    shown = Presentation(steps=2)
    trace_layers(network, stimuli, shown, tmp_path, layers=["conv1"])
    (whole,) = tmp_path.iterdir()
    with files.partial(tmp_path, whole.name) as hidden:
        dead = hidden.name.split("-")
        (tmp_path / "-".join([*dead[:-2], "4194305", dead[-1]])).mkdir()
    shutil.rmtree(whole)
    trace_layers(network, stimuli, shown, tmp_path, layers=["conv1"])
    assert [*tmp_path.iterdir()] == [whole]
