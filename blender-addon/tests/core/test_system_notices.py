import os
import stat
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from tablao.core.system_notices import find_command, show_system_notice


@unittest.skipIf(sys.platform in ("darwin", "win32"), "the program is another one there")
class SystemNotices(unittest.TestCase):
    def test_come_by_the_program_that_the_desktop_brings(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            program, said = Path(folder) / "notify-send", Path(folder) / "said"
            program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{said}.draft" && mv "{said}.draft" "{said}"\n')
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
            with mock.patch.dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}"):
                self.assertTrue(show_system_notice("Tablao", "--help; “shot” is completed"))
                end = time.monotonic() + 10
                while not said.exists() and time.monotonic() < end:
                    time.sleep(0.01)
            self.assertEqual(said.read_text().splitlines()[-3:], ["--", "Tablao", "--help; “shot” is completed"])

    def test_do_without_it(self) -> None:
        with mock.patch.dict(os.environ, PATH="/nonexistent"):
            self.assertFalse(show_system_notice("Tablao", "text"))


class FindCommand(unittest.TestCase):
    def test_gives_no_text_as_code(self) -> None:
        with mock.patch("shutil.which", lambda name: f"/bin/{name}"):
            for platform in ("darwin", "win32"):
                command = find_command("title", "a'b\"; gone", platform)
                assert command is not None
                self.assertNotIn("gone", " ".join(part for part in command if part != "a'b\"; gone"))
