"""What is a secret, what names an image, and how a finding is written."""

from __future__ import annotations

import pytest

from search.deployment.finding import Finding, check_image, check_variable, holds_secret

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("POSTGRES_PASSWORD", "abc", True),
        ("password", "abc", True),
        ("AWS_SECRET_ACCESS_KEY", "abc", True),
        ("API_KEY", "abc", True),
        ("RAY_AUTH_TOKEN", "${TOKEN:-abc}", True),
        ("VENTRAL_STORE", "postgresql://a:b@host/d", True),
        ("POSTGRES_PASSWORD", "", False),
        ("POSTGRES_PASSWORD", "${PASSWORD:?make it}", False),
        ("POSTGRES_PASSWORD", "$PASSWORD", False),
        ("POSTGRES_PASSWORD_FILE", "/run/secrets/a", False),
        ("RAY_AUTH_TOKEN_PATH", "/run/secrets/ray_token", False),
        ("VENTRAL_STORE", "postgresql://a@host/d", False),
        ("MLFLOW_TRACKING_URI", "http://mlflow:5000", False),
        ("KEYBOARD", "de", False),
    ],
)
def test_a_secret_is_known_by_its_name_or_by_its_address(
    name: str, value: str, secret: bool
) -> None:
    assert holds_secret(name, value) is secret


def test_a_guard_that_is_switched_off_is_a_mistake() -> None:
    assert check_variable("a", "RAY_AUTH_MODE", "token") == []
    for name, value in (
        ("RAY_AUTH_MODE", ""),
        ("POSTGRES_HOST_AUTH_METHOD", "trust"),
        ("MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE", "true"),
    ):
        (mistake,) = check_variable("a", name, value)
        assert mistake.cure


@pytest.mark.parametrize(
    ("reference", "digest", "problem"),
    [
        (f"a/b:1@{DIGEST}", True, None),
        (f"a/b@{DIGEST}", True, None),
        ("localhost:5000/b:1", False, None),
        ("a/b:1", True, "has no digest"),
        ("a/b", False, "another image tomorrow"),
        ("localhost:5000/b", False, "another image tomorrow"),
        (f"a/b:latest@{DIGEST}", True, "another image tomorrow"),
        ("a/b:1@sha256:abc", True, "is not a digest"),
    ],
)
def test_an_image_is_fixed_by_its_tag_and_its_digest(
    reference: str, digest: bool, problem: str | None
) -> None:
    mistakes = check_image("image", reference, digest=digest)
    assert (problem is None) == (mistakes == [])
    assert all(problem in one.problem for one in mistakes if problem)


def test_a_finding_is_one_line_without_what_steers_a_terminal() -> None:
    finding = Finding(file="a\n.yaml", field="b\x1b[31m", problem="c", cure="d")
    assert str(finding).count("\n") == 0
    assert "\x1b" not in str(finding)
    assert str(Finding(file="a", field="", problem="c", cure="d")) == "a: c; d"
