"""From a network to evidence: data, training, evaluation, checkpoints, exports."""
