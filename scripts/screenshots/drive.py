"""Runs inside a Blender with a window: carries out Python that comes as JSON lines on stdin, on the main thread.

Order:  {"id", "python"}        Answer:  a line "@driven " and {"id", "result"?, "error"?}
The code finds `bpy`, the helpers below, and what earlier orders have defined; what it assigns to `result` is the answer.
"""

import json
import os
import queue
import sys
import threading
import traceback

import bpy

MARK = "@driven "
orders = queue.SimpleQueue()


def read_orders():
    for line in sys.stdin:
        orders.put(json.loads(line))
    os._exit(0)


def carry_out():
    try:
        order = orders.get_nowait()
    except queue.Empty:
        return 0.05
    answer = {"id": order["id"]}
    try:
        names["result"] = None
        exec(order["python"], names)
        answer["result"] = names["result"]
    except BaseException:
        answer["error"] = traceback.format_exc()
    print(MARK + json.dumps(answer), flush=True)
    return 0.05


def main_window():
    return bpy.context.window_manager.windows[0]


def find_area(kind):
    """The largest area of a kind, e.g. PROPERTIES."""
    areas = [area for area in main_window().screen.areas if area.type == kind]
    return max(areas, key=lambda area: area.width * area.height) if areas else None


def find_region(area, kind="WINDOW"):
    return next(region for region in area.regions if region.type == kind)


def largest_area_shows(kind):
    """Turns the largest area into one of a kind; what is in it is there at the next order."""
    area = max(main_window().screen.areas, key=lambda area: area.width * area.height)
    area.type = kind


def hide_other_panels(context, keep):
    """Leaves the Properties editor's tab to the panels whose module begins with `keep`."""
    # Subpanels first: they are defined after what they are in.
    for panel in reversed(bpy.types.Panel.__subclasses__()):
        if getattr(panel, "bl_context", "") == context and panel.bl_space_type == "PROPERTIES":
            if not panel.__module__.startswith(keep) and panel.is_registered:
                bpy.utils.unregister_class(panel)


def rectangle(area, kind="WINDOW"):
    """Where a region is on the screen."""
    region = find_region(area, kind)
    top = main_window().height - region.y - region.height
    return {"x": region.x, "y": top, "width": region.width, "height": region.height}


def redraw():
    for area in main_window().screen.areas:
        area.tag_redraw()


names = {**globals()}
threading.Thread(target=read_orders, daemon=True).start()
bpy.app.timers.register(carry_out, persistent=True)
