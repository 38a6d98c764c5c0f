"""Gives the official Blender as a Python module ("bpy") the part of Blender's command line that workers and tests use.

The options are carried out in the order they stand in, as Blender does. The module always runs in the background, and its
log cannot be turned on, so a worker sees no samples and tiles of 5.0.
"""

import os
import runpy
import sys
import threading
import traceback

import bpy

sys.dont_write_bytecode = True

# What the module does anyway, and (with a value) what it cannot do.
ALWAYS_SO = {"-b", "--background", "-noaudio"}
WITHOUT_EFFECT = {"--log", "--log-level"}


class Launcher:
    def __init__(self, arguments: list[str]) -> None:
        self.arguments = arguments
        self.python_exit_code = 0

    def run(self) -> None:
        if "--factory-startup" in self.arguments:
            self.arguments.remove("--factory-startup")
        else:
            read_preferences()
        while self.arguments:
            argument = self.arguments.pop(0)
            if argument == "--":
                return
            if argument in ALWAYS_SO:
                continue
            if argument in ("-v", "--version"):
                print_version()
                return
            if argument in ("-c", "--command"):
                run_command(self.value_of(argument), self.arguments)
                return
            if argument.startswith("-"):
                self.carry_out(argument)
            else:
                open_file(argument)

    def carry_out(self, option: str) -> None:
        system = bpy.context.preferences.system
        filepaths = bpy.context.preferences.filepaths
        if option in ("-P", "--python"):
            self.run_python(lambda path: runpy.run_path(path, run_name="__main__"), self.value_of(option))
        elif option == "--python-expr":
            self.run_python(lambda source: exec(source, {"__name__": "__main__"}), self.value_of(option))
        elif option == "--python-exit-code":
            self.python_exit_code = int(self.value_of(option))
        elif option in ("-y", "--enable-autoexec", "-Y", "--disable-autoexec"):
            filepaths.use_scripts_auto_execute = option in ("-y", "--enable-autoexec")
        elif option in ("--online-mode", "--offline-mode"):
            system.use_online_access = option == "--online-mode"
        elif option in WITHOUT_EFFECT:
            self.value_of(option)
        else:
            end(2, f"The launcher of the bpy module does not know {option}: teach it, or leave it out.")

    def value_of(self, option: str) -> str:
        if not self.arguments:
            end(2, f"{option} needs a value.")
        return self.arguments.pop(0)

    def run_python(self, run, value: str) -> None:
        try:
            run(value)
        except SystemExit:
            raise
        except BaseException:  # as Blender: printed, and an exit code only where one was asked for
            traceback.print_exc()
            if self.python_exit_code:
                end(self.python_exit_code)


def print_version() -> None:
    print(f"Blender {bpy.app.version_string}")
    for name in ("build_date", "build_hash", "build_platform"):
        print(f"\t{name.replace('_', ' ')}: {getattr(bpy.app, name).decode()}")


def read_preferences() -> None:
    """The module itself starts with factory settings."""
    path = os.path.join(bpy.utils.user_resource("CONFIG"), "userpref.blend")
    if os.path.exists(path) and bpy.app.version >= (4, 3, 0):  # the module of 4.2 crashes
        bpy.ops.wm.read_userpref()


def run_command(name: str, arguments: list[str]) -> None:
    if name != "extension":
        end(2, f"The launcher of the bpy module knows the command extension, not {name}.")
    from bl_pkg.bl_extension_cli import cli_extension_handler

    end(cli_extension_handler(arguments))


def open_file(path: str) -> None:
    if not os.path.exists(path):
        end(1, f'Error: Cannot read file "{path}": No such file or directory')
    try:
        bpy.ops.wm.open_mainfile(filepath=os.path.abspath(path))
    except RuntimeError as error:
        end(1, str(error))


def end(code: int, message: str = "") -> None:
    if message:
        print(message, file=sys.stderr)
    sys.exit(code)


def leave(code: int) -> None:
    """As Blender ends: add-ons are unregistered, threads are waited for. The module's own noise is left out."""
    import addon_utils
    import atexit

    addon_utils.disable_all()
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def exit_code_of(ending: SystemExit) -> int:
    if ending.code is None or isinstance(ending.code, int):
        return ending.code or 0
    print(ending.code, file=sys.stderr)
    return 1


if __name__ == "__main__":
    bpy.app.binary_path = os.path.abspath(sys.argv[0])
    code = 0
    try:
        Launcher(sys.argv[1:]).run()
    except SystemExit as ending:
        code = exit_code_of(ending)
    leave(code)
