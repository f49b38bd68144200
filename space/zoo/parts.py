"""What the published cells are put together from: edges that add, weights, the layer norm."""

from space.network.grammar import Edge, Initial, Norm, Term, Weights

LAYER_NORM = Norm(kind="layer")


def add_terms(*terms: Term) -> tuple[Edge, ...]:
    """The edges that add `terms` to a drive."""
    return tuple(Edge(add=term) for term in terms)


def draw_glorot(*, bias: float = 0.0, decay: float | None = None) -> Weights:
    """Kernels drawn by Glorot's uniform scheme; constant biases; one L2 coefficient for both."""
    return Weights(
        initial=Initial(scheme="glorot_uniform"),
        bias_initial=bias,
        decay=decay,
        bias_decay=decay,
    )


def split_weights(weights: Weights, parts: int) -> Weights:
    """The weights of one of `parts` equal slices of a kernel."""
    initial = weights.initial or Initial(scheme="glorot_uniform")
    return weights.model_copy(update={"initial": initial.model_copy(update={"parts": parts})})


def choose_norm(layer_norm: bool | Norm) -> Norm | None:
    """The norm itself, or the published layer norm where a flag asks for it."""
    if isinstance(layer_norm, Norm):
        return layer_norm
    return LAYER_NORM if layer_norm else None
