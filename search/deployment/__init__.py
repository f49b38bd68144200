"""Deployments: one typed file, and the image, manifests and scripts that are written from it."""

from search.deployment.checking import check_folder
from search.deployment.finding import Finding
from search.deployment.rendering import TARGETS, Target, render_target, write_files
from search.deployment.secrets import make_secrets
from search.deployment.settings import SCHEMA, Deployment, json_schema, load_deployment

__all__ = [
    "SCHEMA",
    "TARGETS",
    "Deployment",
    "Finding",
    "Target",
    "check_folder",
    "json_schema",
    "load_deployment",
    "make_secrets",
    "render_target",
    "write_files",
]
