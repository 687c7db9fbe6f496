"""What `--save` writes."""

from pathlib import Path

from a2a.types import Artifact, Part, Task

from crossdock.console import save_artifacts


def test_a_task_without_artifacts_makes_no_folder(tmp_path: Path) -> None:
    assert save_artifacts(Task(), tmp_path / "out") == []
    assert not (tmp_path / "out").exists()


def test_an_artifacts_name_stays_in_the_folder(tmp_path: Path) -> None:
    task = Task(artifacts=[Artifact(name="../../notes", parts=[Part(text="x"), Part(text="y")])])
    written = save_artifacts(task, tmp_path / "out")
    assert [path.name for path in written] == ["notes.txt", "notes-2.txt"]
    assert {path.parent for path in written} == {tmp_path / "out"}
