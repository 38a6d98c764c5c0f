"""The add-on comes and goes without a trace, and says nothing on the console."""

from __future__ import annotations

import os
import socket
import stat
import threading
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import bpy

from .support import BlenderTest, disable, enable, part

TOKEN = "tablao-test-s3cret-token"


def trace() -> dict[str, Any]:
    """Everything that an add-on can leave in Blender."""
    handlers = {
        name: len(getattr(bpy.app.handlers, name))
        for name in dir(bpy.app.handlers)
        if isinstance(getattr(bpy.app.handlers, name), list)
    }
    return {
        "classes": sorted(name for name in dir(bpy.types) if "TABLAO" in name.upper()),
        "operators": "tablao" in dir(bpy.ops) and sorted(dir(bpy.ops.tablao)),
        "properties": sorted(name for name in dir(bpy.types.Scene) if "tablao" in name),
        "handlers": handlers,
        "menu": len(bpy.types.TOPBAR_MT_render.draw._draw_funcs),
        "threads": sorted(thread.name for thread in threading.enumerate()),
    }


class Registration(BlenderTest):
    def test_leaves_nothing_behind(self) -> None:
        disable()
        before = trace()
        enable()
        self.assertNotEqual(trace()["classes"], before["classes"])
        self.session = part("session").get()
        part("settings").get_preferences().gateway = self.gateway
        self.connect()
        timer = part("timer")
        self.assertTrue(bpy.app.timers.is_registered(timer.tick))
        disable()
        self.assertFalse(bpy.app.timers.is_registered(timer.tick))
        self.assertEqual(trace(), before)

    def test_a_connection_that_was_closed_does_not_end_blender(self) -> None:
        here, there = socket.socketpair()
        with here:
            there.close()
            with self.assertRaises(BrokenPipeError):
                here.send(b"hello")

    def test_comes_back_as_often_as_it_is_wanted(self) -> None:
        for _ in range(3):
            disable()
            enable()
            self.session = part("session").get()
            part("settings").get_preferences().gateway = self.gateway
            self.connect()

    def test_survives_other_files_and_undo(self) -> None:
        self.connect()
        bpy.ops.wm.open_mainfile(filepath=str(self.folder / "shot.blend"))
        bpy.ops.wm.revert_mainfile()
        self.scene = bpy.context.scene
        self.assertIsNotNone(self.session.farm)
        self.assertTrue(
            bpy.app.timers.is_registered(part("timer").tick), "timers that are not persistent die with the file"
        )
        self.assertEqual(self.finish(self.begin("check")).step.name, "CHECKED")

    def test_says_nothing_on_the_console(self) -> None:
        output = StringIO()
        with redirect_stdout(output), redirect_stderr(output):
            self.connect()
            self.check()
            part("timer").tick()
            disable()
            enable()
        self.assertEqual(output.getvalue(), "")

    def test_draws_every_panel_in_every_state(self) -> None:
        """With a layout that takes everything; how it looks is for the screenshots."""
        panels, run = part("panels.submit"), part("submit.run")
        layout: Any = mock.MagicMock()
        context = bpy.context
        panels.draw_form(layout, context)
        self.connect()
        self.scene.camera = None
        self.check()
        for step in run.Step:
            current = part("submit.current").get()
            current.step = step
            current.message = "Trying again."
            panels.draw_form(layout, context)
            panels.draw_settings(layout, context)
        self.assertGreater(layout.mock_calls.__len__(), 20)


class Token(BlenderTest):
    def setUp(self) -> None:
        super().setUp()
        self.preferences.token = TOKEN
        self.file = Path(part("folders").user_folder()) / "tokens.json"
        self.addCleanup(lambda: self.file.unlink(missing_ok=True))

    def test_stands_in_a_file_of_its_own_and_nowhere_else(self) -> None:
        self.assertIn(TOKEN, self.file.read_text())
        if os.name == "posix":
            self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        self.assertEqual(self.preferences.token, TOKEN)
        bpy.ops.wm.save_userpref()
        self.save("shot.blend")
        folders = [Path(bpy.utils.user_resource("CONFIG")), self.folder]
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path != self.file]
        self.assertIn("userpref.blend", [path.name for path in files])
        for path in files:
            self.assertNotIn(TOKEN.encode(), path.read_bytes(), path)

    def test_is_for_the_gateway_that_it_was_entered_for(self) -> None:
        self.preferences.gateway = "http://127.0.0.1:9"
        self.assertEqual(self.preferences.token, "")
        self.preferences.gateway = self.gateway
        self.assertEqual(self.preferences.token, TOKEN)
        self.preferences.token = ""
        self.assertNotIn(TOKEN, self.file.read_text())

    def test_that_nobody_knows_is_said_in_words(self) -> None:
        self.session.connect()
        self.until(lambda: self.session.link.value == "failed")
        self.assertIn("does not know this token", str(self.session.failure))


class OnlineAccess(BlenderTest):
    def test_off_means_that_nothing_connects_and_what_to_switch_on_is_said(self) -> None:
        if not hasattr(bpy.app, "online_access"):
            self.assertTrue(part("session").is_online(), "before 4.2 Blender does not ask")
            return
        session = part("session")
        with mock.patch.object(session, "is_online", lambda: False):
            with mock.patch("socket.create_connection") as connect:
                self.session.connect()
                run = self.finish(self.begin("submit"))
            connect.assert_not_called()
        self.assertRegex(str(self.session.failure), "Allow Online Access|--offline-mode")
        self.assertEqual((run.step.name, run.message), ("FAILED", str(self.session.failure)))
