"""What a scene's driver writes, written by tests."""

from __future__ import annotations

from search.drill.scene import HAPPENINGS, Scene


def tell(scene: Scene, *happenings: str) -> None:
    """Add happenings, "KIND" or "KIND TRIAL", a second apart."""
    with (scene.folder / HAPPENINGS).open("a") as lines:
        count = len((scene.folder / HAPPENINGS).read_text().splitlines())
        lines.writelines(f"{count + at}.0 {what}\n" for at, what in enumerate(happenings))
