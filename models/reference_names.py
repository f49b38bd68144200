"""The names of the published reference's variables, and where they stand here.

The reference (TensorFlow) names a variable by node, cell class and role. The reciprocal gated cell
exists there in two classes whose variables differ in name; the roles of both are listed.
"""

import re
from dataclasses import dataclass

READ_OUT = "imnetds"  # the read-out's node in the reference

# Joined kernels: for each variable scope of a class, the terms that its equal parts belong to.
JOINED: dict[str, dict[str, tuple[str, ...]]] = {
    "ConvLSTMCell": {
        "": (
            "states.cell.drive.1.terms.0",  # i
            "states.cell.drive.0",  # j
            "states.cell.carry.terms.0",  # f
            "states.hidden.drive.1.terms.0",  # o
        )
    },
    "ConvGRUCell": {
        "gates": ("gates.reset.terms.0", "gates.update.terms.0"),
        "candidates": ("states.hidden.drive.0",),
    },
    "ConvUGRNNCell": {"": ("gates.update.terms.0", "states.hidden.drive.0")},
    "ConvIntersectionRNNCell": {
        "": (
            "gates.through_time.terms.0",
            "states.hidden.drive.0",
            "gates.through_depth.terms.0",
            "states.out.drive.0",
        )
    },
    "ConvNormBasicCell": {"s": ("states.hidden.drive.0",), "i": ("states.hidden.drive.1",)},
    "ConvBasicCell": {"": ("states.hidden.drive.0",)},
}

# Single tensors of those classes.
SINGLE: dict[str, dict[str, str]] = {
    "ConvLSTMCell": {
        "peepholes/w_i_diag": "states.cell.drive.1.terms.1.position",
        "peepholes/w_f_diag": "states.cell.carry.terms.1.position",
        "peepholes/w_o_diag": "states.hidden.drive.1.terms.1.position",
        "input": "states.cell.drive.1.norm",
        "transform": "states.cell.drive.norm",
        "forget": "states.cell.carry.norm",
        "output": "states.hidden.drive.1.norm",
        "state": "states.cell.norm",
    },
    "ConvGRUCell": {
        "gates/r_pre": "gates.reset.norm",
        "gates/u_pre": "gates.update.norm",
        "candidates/c_pre": "states.hidden.drive.norm",
    },
    "ConvIntersectionRNNCell": {
        "gh_act": "gates.through_time.norm",
        "h_act": "states.hidden.drive.norm",
        "gy_act": "gates.through_depth.norm",
        "y_act": "states.out.drive.norm",
    },
    "ConvNormBasicCell": {"layer_norm": "states.hidden.norm"},
}

NORM_PARTS = {
    "gamma": "gain",
    "beta": "shift",
    "moving_mean": "running_mean",
    "moving_variance": "running_variance",
}
BATCH_NORM = re.compile(r"/(post_conv_BN|batch_norm\w*|bn)$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Role:
    """Where a variable scope of the reciprocal gated cell stands: the term that acts on `state`
    in one of `roles` and reads `source`.
    """

    state: str
    roles: tuple[str, ...]
    source: str


def _reciprocal_roles() -> dict[str, Role]:
    roles: dict[str, Role] = {}
    for half, other in (("cell", "out"), ("out", "cell")):
        retained = Role(state=half, roles=("carry",), source=half)
        crossing = Role(state=half, roles=("multiply", "add"), source=other)
        fed = Role(state=half, roles=("add",), source="feedback")
        roles |= {
            f"{half}/tau": retained,
            f"{half}/{half}_to_{half}": retained,
            f"{half}/gate": crossing,
            f"{half}/{other}_to_{half}": crossing,
            f"{half}/feedback": fed,
            f"{half}/feedback_to_{half}": fed,
            f"{half}/residual_add": Role(state=half, roles=("add",), source="residual"),
            f"{half}/res_add": Role(state=half, roles=("add",), source="residual"),
            f"{half}/res_add/residual_add": Role(state=half, roles=("add",), source="residual"),
            f"{half}/res_to_{half}": Role(state=half, roles=("add",), source="residual"),
        }
        for word, source in (("input", "used"), ("residual", "residual")):
            roles[f"{half}/{word}_to_{half}"] = Role(state=half, roles=("add",), source=source)
            for kind, role in (("tau", "carry"), ("gate", "multiply")):
                roles[f"{half}/{word}_to_{half}_{kind}"] = Role(
                    state=half, roles=(role,), source=source
                )
    used = Role(state="used", roles=("add",), source="feedback")
    return (
        roles
        | dict.fromkeys(("feedback", "input/feedback", "feedback_to_input"), used)
        | {"input/feedback_to_input": used}
    )


RECIPROCAL = _reciprocal_roles()
LAST_WORD = re.compile(
    r"^(.*?)[/_]?(weights|bias|depthwise_weights|depthwise_weights_0|pointwise_weights)$"
)
OURS = {
    "weights": "kernel",
    "bias": "bias",
    "depthwise_weights_0": "depthwise_first",
    "depthwise_weights": "depthwise",
    "pointwise_weights": "pointwise",
}

# A 1x1 convolution of an input that is summed or multiplied with the others.
JOINED_INPUT = re.compile(r"^conv_to_conv_harbor_for_(\w+)/(weights|bias)$")

# The form of decoder that trains a scalar (any one of them: ""), and its name here.
SCALARS = {
    "normalize/softmax_beta": ("", "beta"),
    "probs/softmax_beta": ("w_time_avg", "beta"),
    "alpha/softmax_beta": ("w_time_avg", "time_beta"),
    "decoder_threshold": ("thresh", "threshold"),
}
DECODER_LAYER = re.compile(
    r"^(mlp|conv1)_decoder/(fc|c_)(\d+|_final)/(weights|kernel|biases|bias)$"
)
