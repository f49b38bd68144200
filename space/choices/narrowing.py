"""A choice with fewer options."""

from collections.abc import Sequence
from dataclasses import replace

from space.choices.domains import Categorical, OutsideError, Parameter, Scalar
from space.errors import SpaceError


def list_labels(parameter: Parameter) -> tuple[Scalar, ...]:
    """The labels of a choice; none of a number's interval, in which nothing is nested."""
    domain = parameter.domain
    return domain.options if isinstance(domain, Categorical) else ()


def narrow_parameter(
    parameter: Parameter, given: Sequence[Scalar], default: Scalar = None
) -> Parameter:
    """A choice with the given options only, in their old order. Raises SpaceError.

    Its default is `default`, else the old one; the first option where it is none of those left.
    """
    domain, path = parameter.domain, parameter.path
    if not isinstance(domain, Categorical):
        raise SpaceError(path, "is a number from an interval", "narrow its interval instead")
    if not given:
        raise SpaceError(path, "no option is left", "leave one at least")
    try:
        kept = {domain.options.index(domain.accept(value)) for value in given}
    except OutsideError as error:
        raise SpaceError(path, error.problem, error.cure) from None
    places = sorted(kept)
    options = tuple(domain.options[place] for place in places)
    weights = domain.weights and tuple(domain.weights[place] for place in places)
    wanted = parameter.default if default is None else default
    return replace(
        parameter,
        domain=Categorical(options=options, weights=weights),
        default=wanted if wanted in options else options[0],
    )
