"""The normal forms of all stages; stages that are alike are read once."""

from functools import lru_cache

from space.documents.validation import Value
from space.identity.spelling import label
from space.identity.stage_graph import StageForm
from space.identity.stage_reading import StageReader, WrittenStage
from space.network.architecture import Architecture
from space.network.sizes import ById, StageShape, layout
from space.step.parameters import stage_parameters
from space.step.stages import write_stage


def stage_forms(architecture: Architecture) -> list[StageForm]:
    """The form of every stage, in their order."""
    known: dict[object, StageForm] = {}
    forms = []
    for place, shape in enumerate(layout(architecture).stages):
        alike = _alike(architecture, shape)
        form = known.get(alike)
        if form is None:
            written = describe_stage(architecture, place)
            form = StageReader(written, relative=True).form()
            if form.relative:
                known[alike] = form
            else:
                form = StageReader(written, relative=False).form()
        forms.append(form)
    return forms


def live_forms(architecture: Architecture) -> tuple[StageForm | None, ...]:
    """The form of every stage; None in place of one that the logits do not depend on."""
    return _live_forms(ById(architecture))


# A network's digest, name and motifs are asked for one after the other. Forms are large.
@lru_cache(maxsize=4)
def _live_forms(key: ById) -> tuple[StageForm | None, ...]:
    architecture = key.architecture
    live: list[StageForm | None] = []
    needed = True
    for form in reversed(stage_forms(architecture)):
        live.append(form if needed else None)
        needed = needed and form.reads_before
    return tuple(live[::-1])


def describe_stage(architecture: Architecture, place: int) -> WrittenStage:
    """What there is to read of the stage at `place`."""
    shape = layout(architecture).stages[place]
    names = architecture.senders(shape.stage.name)
    resized = _resized_senders(architecture, shape)
    if shape.arrivals:
        index = architecture.stage_index
        senders = {
            name: label("sender", index(name), how)
            for name, how in zip(names, resized, strict=True)
        }
    else:
        how = next(filter(None, resized), None)
        senders = dict.fromkeys(names, label("feedback", how))
    table = stage_parameters(architecture, shape)
    return WrittenStage(
        shape=shape,
        writer=write_stage(architecture, place),
        starts={parameter.path: parameter.start for parameter in table.parameters},
        senders=senders,
    )


def _resized_senders(architecture: Architecture, shape: StageShape) -> tuple[str | None, ...]:
    """How the output of each sender of feedback comes to the stage's map; None as it is.

    From one pixel, every way of resizing gives the same.
    """
    senders = architecture.senders(shape.stage.name)
    sizes = [layout(architecture)[name].output.size for name in senders]
    return tuple(None if size in (shape.input.size, 1) else architecture.resize for size in sizes)


def _alike(architecture: Architecture, shape: StageShape) -> object:
    """Equal for stages of one form, where the form is relative."""
    width, stage, second = shape.convolution.channels, shape.stage, shape.stage.second
    sizes: list[object] = []
    if shape.cell is not None:
        for terms in (*shape.cell.drives.values(), *shape.cell.gates.values()):
            sizes += [(term.kernel, term.projects) for term in terms]
        for depths in (shape.cell.depths, shape.cell.gate_depths):
            sizes += [depth == width or depth for depth in depths.values()]
    end = shape.second or shape.convolution
    return (
        _all_but(stage, "name", "convolution", "second"),
        _all_but(stage.convolution, "width"),
        None if second is None else _all_but(second, "width"),
        end.channels == width or end.channels,
        shape.projects,
        shape.feedback is not None,
        tuple((arrival.name, arrival.projects) for arrival in shape.arrivals),
        _resized_senders(architecture, shape),
        shape.input.size == shape.convolution.size,
        shape.input.size == end.size,
        tuple(sizes),
    )


def _all_but(value: Value, *names: str) -> tuple[object, ...]:
    fields = type(value).model_fields
    return tuple(getattr(value, name) for name in fields if name not in names)
