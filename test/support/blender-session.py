"""Runs inside a Blender without a window, with the add-on enabled: carries out Python that comes as JSON lines on stdin.

Order:  {"id", "python"}        Answer:  a line "@session " and {"id", "result"?, "error"?}
What the code assigns to `result` is the answer; it finds what is below and what earlier orders have defined. Timers never fire
without a window: `tick` and `until` do what the add-on's timer does.
"""

import json
import sys
import time
import traceback
from unittest import mock

import addon_utils
import bpy

MARK = "@session "
gateway, submitter = sys.argv[sys.argv.index("--") + 1 :]
sys.dont_write_bytecode = True


def enable():
    addon_utils.enable("tablao", default_set=True)
    preferences = bpy.context.preferences.addons["tablao"].preferences
    preferences.gateway = gateway
    preferences.submitter = submitter


def disable():
    addon_utils.disable("tablao", default_set=True)


def module(name):
    return sys.modules[f"tablao.{name}"]


def tick():
    module("timer").tick()


def until(is_true, seconds=60):
    """Ticks until it is true, as often as the timer would in a Blender that has nothing else to do."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            raise AssertionError(f"It did not become true within {seconds} s")
        tick()
        time.sleep(0.01)


def farm():
    return module("live.farm").get()


def view():
    return module("live.view").view


def jobs():
    """Those of the list, by their names."""
    current = farm()
    return {row.name: row for row in current.jobs.rows} if current else {}


def status(name):
    """None while it is not in the list."""
    return jobs()[name].status if name in jobs() else None


def select(name):
    view().job_id = jobs()[name].id


def draw():
    """The texts of the jobs panel as it would be drawn now, with a layout that takes everything."""
    layout = mock.MagicMock()
    if bpy.app.version < (4, 0, 0):
        del layout.progress
    panel = module("live.panel")
    with mock.patch.object(module("panels.text"), "_wrap", lambda text, width, size: [text]):  # without a window it has no width
        panel.JobsPanel.draw(mock.Mock(layout=layout), bpy.context)
    group = bpy.context.window_manager.tablao
    for index, item in enumerate(group.jobs):
        panel.TABLAO_UL_jobs.draw_item(None, bpy.context, layout, group, item, 0, group, "job_index", index)
    for index, item in enumerate(group.tasks):
        panel.TABLAO_UL_tasks.draw_item(None, bpy.context, layout, group, item, 0, group, "task_index", index)
    panel.TABLAO_MT_job.draw(mock.Mock(layout=layout), bpy.context)
    return [call.kwargs["text"] for call in layout.mock_calls if call.kwargs.get("text")]


def answer(order):
    names["result"] = None
    try:
        exec(order["python"], names)
        return {"id": order["id"], "result": names["result"]}
    except BaseException:
        return {"id": order["id"], "error": traceback.format_exc()}


names = {**globals()}
enable()
print(MARK + json.dumps({"id": 0}), flush=True)
for line in sys.stdin:
    print(MARK + json.dumps(answer(json.loads(line))), flush=True)
