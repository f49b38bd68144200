"""`python -m ventral` is the `ventral` command."""

from tests.support.processes import COMMAND, run_python


def test_python_runs_the_command_as_a_module() -> None:
    code = "import runpy; runpy.run_module('ventral', run_name='__main__')"
    done = run_python(code, "zoo", "nope")
    assert done.returncode == 2
    assert done.stderr == run_python(COMMAND, "zoo", "nope").stderr != ""
