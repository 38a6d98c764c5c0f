"""Notices by the operating system, with what it brings along. Called in threads: each starts a program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Optional

#: Texts come as arguments or variables, never as code: a job's name may hold anything.
_MAC = ["-e", "on run argv", "-e", "display notification (item 2 of argv) with title (item 1 of argv)", "-e", "end run"]
_WINDOWS = (
    "Add-Type -AssemblyName System.Windows.Forms; Add-Type -AssemblyName System.Drawing; "
    "$icon = New-Object System.Windows.Forms.NotifyIcon; $icon.Icon = [System.Drawing.SystemIcons]::Information; "
    "$icon.Visible = $true; $icon.ShowBalloonTip(8000, $env:TABLAO_TITLE, $env:TABLAO_TEXT, 'Info'); "
    "Start-Sleep -Seconds 8; $icon.Dispose()"
)


def find_command(title: str, text: str, platform: str = sys.platform) -> Optional[list[str]]:
    """The program that shows a notice, with its arguments; None where there is none."""
    if platform == "darwin":
        program = shutil.which("osascript")
        return [program, *_MAC, title, text] if program else None
    if platform == "win32":
        program = shutil.which("powershell")
        return [program, "-NoProfile", "-NonInteractive", "-Command", _WINDOWS] if program else None
    program = shutil.which("notify-send")
    return [program, "--app-name=Blender", "--icon=blender", "--", title, text] if program else None


def show_system_notice(title: str, text: str) -> bool:
    """Whether a program was found and started. It is not waited for: on Windows it lives as long as what it shows."""
    command = find_command(title, text)
    if command is None:
        return False
    _shown[:] = [program for program in _shown if program.poll() is None]
    try:
        program = subprocess.Popen(
            command,
            env={**os.environ, "TABLAO_TITLE": title, "TABLAO_TEXT": text},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError:
        return False
    _shown.append(program)
    return True


#: Those that may still have to be asked for their end, or the system would keep a note of them.
_shown: list[subprocess.Popen[bytes]] = []
