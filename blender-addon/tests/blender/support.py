"""The add-on in the Blender that runs the test, and scenes to try it on."""

from __future__ import annotations

import os
import tempfile
import unittest
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Optional

import addon_utils
import bpy

MODULE = os.environ.get("TABLAO_TEST_MODULE", "tablao")
GATEWAY = os.environ.get("TABLAO_TEST_GATEWAY", "")
FOLDER = os.environ.get("TABLAO_TEST_FOLDER") or tempfile.gettempdir()
#: Generous: the machine may be busy with other tests.
SECONDS = 60.0


def part(name: str) -> ModuleType:
    """A module of the add-on, wherever that is installed. It must be enabled."""
    return import_module(f"{MODULE}.{name}")


def enable() -> None:
    _know_repository()
    if MODULE not in bpy.context.preferences.addons:
        addon_utils.enable(MODULE, default_set=True)
    if MODULE not in bpy.context.preferences.addons:
        raise AssertionError("The add-on could not be enabled; its error stands above.")


def _know_repository() -> None:
    """Factory settings have forgotten from which repository an installed extension came; its files are still there."""
    base, _, rest = MODULE.partition(".")
    if base == "bl_ext":
        name = rest.partition(".")[0]
        repositories = bpy.context.preferences.extensions.repos
        if name not in [repository.module for repository in repositories]:
            url = f"{GATEWAY}/blender/index.json"
            repositories.new(name=name, module=name, remote_url=url).use_remote_url = True


def disable() -> None:
    addon_utils.disable(MODULE, default_set=True)


def plain_scene() -> bpy.types.Scene:
    """A cube that moves over the frames 1 to 3, some pixels in Cycles: some milliseconds a frame. The file is not saved yet."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 3
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = 64, 36, 100
    render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    render.filepath = "//render/shot_####"
    cube = bpy.data.objects["Cube"]
    for frame, x in ((1, -2), (3, 2)):
        cube.location.x = x
        cube.keyframe_insert("location", frame=frame)
    return scene


class BlenderTest(unittest.TestCase):
    """Each test has the add-on connected to the gateway, and the plain scene saved in a folder of its own."""

    gateway = GATEWAY
    #: Empty: it was never saved.
    saved_as = "shot.blend"

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(dir=FOLDER, ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        # The other way round the add-on would be switched off again: factory settings have none.
        self.scene = plain_scene()
        enable()
        self.addCleanup(disable)
        self.session = part("session").get()
        self.preferences = part("settings").get_preferences()
        self.preferences.gateway = self.gateway
        if self.saved_as:
            self.save(self.saved_as)

    def save(self, name: str) -> Path:
        path = self.folder / name
        bpy.ops.wm.save_as_mainfile(filepath=str(path))
        return path

    def connect(self) -> None:
        self.session.connect()
        self.until(lambda: self.session.link.value != "connecting")
        self.assertIsNotNone(self.session.farm, self.session.failure)

    def until(self, is_true: Any) -> None:
        self.assertTrue(self.session.background.wait(is_true, SECONDS), "It did not happen in time.")

    def begin(self, aim: str, ignores_warnings: bool = False, **overrides: Any) -> Optional[Any]:
        run, choices = part("submit.run"), part("submit.choices")
        return part("submit.current").begin(
            self.scene.name, run.Aim(aim), choices.Overrides(**overrides), ignores_warnings
        )

    def finish(self, run: Any) -> Any:
        self.until(lambda: run.has_ended)
        return run

    def check(self, **overrides: Any) -> list[Any]:
        if self.session.farm is None:
            self.connect()
        return self.finish(self.begin("check", **overrides)).findings

    def ask(self, operation: str, text: str, /, **variables: Any) -> Any:
        """The only field of an operation's data, asked for while the test waits."""
        document = part("core.documents").Document(operation, text)
        (answer,) = self.session.client().ask(document, variables).values()
        return answer
