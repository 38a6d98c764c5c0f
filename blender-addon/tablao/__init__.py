# SPDX-License-Identifier: GPL-3.0-or-later
"""Tablao: submit renders to your own farm, and follow them, without leaving Blender.

For Blender 4.2 and newer this is an extension (`blender_manifest.toml`); `bl_info` is for older ones. What needs Blender is
imported by `register`, so that the rest (`tablao.core`) imports anywhere.
"""

bl_info = {
    "name": "Tablao",
    "author": "The authors of Tablao",
    "version": (0, 1, 0),
    "blender": (3, 4, 0),
    "location": "Output Properties, Render menu",
    "description": "Submit renders to your own farm without leaving the scene",
    "category": "Render",
}


def register() -> None:
    from . import registration

    registration.register()


def unregister() -> None:
    from . import registration

    registration.unregister()
    _forget_modules()


def _forget_modules() -> None:
    """An update in place would go on with the modules of the version before: Blender loads only this one anew."""
    import sys

    prefix = f"{__package__}."
    for name in [name for name in sys.modules if name.startswith(prefix)]:
        del sys.modules[name]
        globals().pop(name.removeprefix(prefix), None)
