"""A folder of a deployment is held to the rules: the rendered one, and one mistake at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.deployment import Finding, check_folder
from space.errors import InputError
from tests.support.deployment_mistakes import MISTAKES, Seeded
from tests.support.deployments import rendered, write_defaults


def test_what_is_rendered_has_no_mistake(tmp_path: Path) -> None:
    assert check_folder(write_defaults(tmp_path)) == []


@pytest.mark.parametrize("seeded", MISTAKES, ids=[one.name for one in MISTAKES])
def test_a_mistake_is_refused_with_its_file_its_field_and_a_cure(
    seeded: Seeded, tmp_path: Path
) -> None:
    wrong = seeded.edit(rendered().get(seeded.file, ""))
    assert wrong != rendered().get(seeded.file)
    findings = check_folder(write_defaults(tmp_path, {seeded.file: wrong}))
    assert findings, seeded.name
    assert any(_fits(finding, seeded) for finding in findings), findings
    for finding in findings:
        assert "\n" not in str(finding)
        assert finding.problem
        assert finding.cure


def _fits(finding: Finding, seeded: Seeded) -> bool:
    # A job of the queue belongs to what a wrong policy leaves out as well.
    in_file = finding.file.startswith(seeded.file) or seeded.name == "pods that no policy selects"
    return in_file and seeded.field in finding.field and seeded.cure in finding.cure


def test_there_are_at_least_forty_mistakes_of_different_kinds() -> None:
    assert len({one.name for one in MISTAKES}) == len(MISTAKES) >= 40
    assert len({one.file for one in MISTAKES}) >= 9


def test_the_typed_file_says_where_it_may_listen(tmp_path: Path) -> None:
    wrong = rendered()["compose.yaml"].replace("127.0.0.1:8265", "10.0.0.5:8265")
    write_defaults(tmp_path, {"compose.yaml": wrong})
    (finding,) = check_folder(tmp_path)
    assert finding.field == "services.head.ports[0]"
    (tmp_path / "deployment.yaml").write_text("compose: {address: 10.0.0.5}\n")
    assert check_folder(tmp_path) == []


def test_a_file_that_is_no_yaml_is_one_finding(tmp_path: Path) -> None:
    write_defaults(tmp_path, {"compose.yaml": "services: {a: [\n"})
    (finding,) = check_folder(tmp_path)
    assert finding.file == "compose.yaml"
    assert "line" in f"{finding.field} {finding.problem}"


def test_the_findings_of_several_objects_of_a_file_are_told_apart(tmp_path: Path) -> None:
    wrong = rendered()["kueue/queues.yaml"].replace("v1beta2", "v1beta1")
    findings = check_folder(write_defaults(tmp_path, {"kueue/queues.yaml": wrong}))
    names = [one.file for one in findings]
    assert "kueue/queues.yaml (LocalQueue campaigns)" in names
    assert len(names) == len(set(names)) == 6


def test_secrets_that_others_may_read_are_a_finding(tmp_path: Path) -> None:
    write_defaults(tmp_path)
    (tmp_path / "secrets").mkdir(mode=0o700)
    token = tmp_path / "secrets" / "ray_token"
    token.write_text("abc")
    token.chmod(0o644)
    (finding,) = check_folder(tmp_path)
    assert (finding.file, finding.cure) == ("secrets/ray_token", "run chmod 600 secrets/ray_token")


def test_a_password_beside_the_users_number_is_a_finding(tmp_path: Path) -> None:
    write_defaults(tmp_path)
    (tmp_path / ".env").write_text("VENTRAL_UID=1000\nVENTRAL_GID=1000\n")
    assert check_folder(tmp_path) == []
    (tmp_path / ".env").write_text("VENTRAL_UID=1000\nADMIN_PASSWORD=abc\n")
    (finding,) = check_folder(tmp_path)
    assert (finding.file, finding.field) == (".env", "ADMIN_PASSWORD")


def test_a_folder_without_a_deployment_is_an_error(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match=r"ventral deploy render|name the folder"):
            check_folder(folder)
