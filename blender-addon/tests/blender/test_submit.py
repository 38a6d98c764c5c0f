"""From the open scene to frames, against a gateway with a worker that has this very Blender."""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import Any
from unittest import mock

import bpy

from .support import SECONDS, BlenderTest, disable, enable, part

JOB = """query Job($id: ID!) { job(id: $id) {
  status error name priority maxWorkers workerTag submitter settings metadata
  files { path bytes modifiedAt sha256 } tasks(first: 10) { nodes { name status } } } }"""
JOBS = "query Jobs($name: String!) { jobs(filter: { nameContains: $name }) { nodes { id } } }"


class SubmitTest(BlenderTest):
    def setUp(self) -> None:
        super().setUp()
        # A name of its own, so that each test finds its own jobs.
        self.scene.tablao.job_name = self.job_name = f"{self.folder.name} {self._testMethodName}"[:200]
        self.connect()

    def submit(self, **overrides: Any) -> Any:
        run = self.finish(self.begin("submit", ignores_warnings=True, **overrides))
        self.assertEqual(run.step.name, "SUBMITTED", (run.message, run.findings))
        return run

    def read(self, run: Any) -> dict[str, Any]:
        return self.ask("Job", JOB, id=run.job.id)

    def jobs(self) -> list[Any]:
        return self.ask("Jobs", JOBS, name=self.job_name)["nodes"]

    def render(self, run: Any) -> dict[str, Any]:
        end = time.monotonic() + 2 * SECONDS
        while (job := self.read(run))["status"] not in ("COMPLETED", "FAILED", "CANCELED"):
            self.assertLess(time.monotonic(), end, f"The job is still {job['status']}.")
            time.sleep(0.1)
        self.assertEqual(job["status"], "COMPLETED", job["error"])
        return job

    def snapshots(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*.blend") if ".tablao-" in path.name)


class Submit(SubmitTest):
    def test_renders_the_open_file_as_it_was_when_it_was_submitted(self) -> None:
        original = (self.folder / "shot.blend").read_bytes()
        self.scene.frame_end = 2  # not saved: the snapshot has it
        run = self.submit()
        self.scene.frame_end = 20
        self.save("shot.blend")  # the artist goes on
        job = self.render(run)
        frames = sorted(path.name for path in (self.folder / "render").glob("*.png"))
        self.assertEqual(frames, ["shot_0001.png", "shot_0002.png"])
        self.assertEqual(job["settings"]["blenderVersion"], "{}.{}".format(*bpy.app.version[:2]))
        self.assertEqual(job["settings"]["frames"], "1-2")
        (snapshot,) = self.snapshots()
        self.assertEqual(job["settings"]["blendFile"], str(self.folder / snapshot))
        (file,) = job["files"]
        content = (self.folder / snapshot).read_bytes()
        self.assertEqual((file["path"], file["bytes"]), (str(self.folder / snapshot), len(content)))
        self.assertEqual(file["sha256"], hashlib.sha256(content).hexdigest())
        self.assertNotEqual(original, (self.folder / "shot.blend").read_bytes())
        self.assertEqual(bpy.data.filepath, str(self.folder / "shot.blend"), "the open file is still the artist's own")

    def test_names_every_file_that_is_read(self) -> None:
        texture = self.folder / "wood.png"
        texture.write_bytes(b"not really a picture")
        image = bpy.data.images.load(str(texture))
        material = bpy.data.objects["Cube"].active_material
        material.use_nodes = True
        material.node_tree.nodes.new("ShaderNodeTexImage").image = image
        files = {os.path.basename(file["path"]): file for file in self.read(self.submit())["files"]}
        self.assertEqual(files["wood.png"]["sha256"], hashlib.sha256(b"not really a picture").hexdigest())
        self.assertEqual(len(files), 2)

    def test_submits_what_the_panel_says(self) -> None:
        chosen = self.scene.tablao
        chosen.priority, chosen.worker_tag, chosen.use_max_workers, chosen.max_workers = 70, "gpu", True, 0
        self.preferences.submitter = "anna"
        job = self.read(self.submit())
        wanted = (self.job_name, 70, "gpu", 0, "anna")
        self.assertEqual((job["name"], job["priority"], job["workerTag"], job["maxWorkers"], job["submitter"]), wanted)
        self.assertEqual(job["metadata"]["file"], str(self.folder / "shot.blend"))

    def test_submits_paths_by_their_named_folder(self) -> None:
        root = self.preferences.roots.add()
        root.name, root.path = "proj", str(self.folder)
        self.scene.tablao.use_max_workers, self.scene.tablao.max_workers = True, 0
        job = self.read(self.submit())
        (snapshot,) = self.snapshots()
        self.assertEqual(job["settings"]["blendFile"], f"proj:{snapshot}")
        self.assertEqual(job["settings"]["outputPath"], "proj:render/shot_####")
        self.assertEqual(job["files"][0]["path"], f"proj:{snapshot}")
        self.preferences.roots.remove(0)

    def test_renders_in_place_where_a_cache_is_named_after_the_file(self) -> None:
        cloth = bpy.data.objects["Cube"].modifiers.new("cloth", "CLOTH")
        cloth.point_cache.use_disk_cache = True
        self.scene.tablao.use_max_workers, self.scene.tablao.max_workers = True, 0
        self.save("shot.blend")
        run = self.submit()
        self.assertEqual(self.read(run)["settings"]["blendFile"], str(self.folder / "shot.blend"))
        self.assertEqual(self.snapshots(), [])
        self.assertIn("renders-in-place", [finding.code for finding in run.findings])

    def test_stops_at_errors_and_at_warnings_until_they_are_overridden(self) -> None:
        bpy.data.texts.new("rig_ui.py").use_module = True
        run = self.finish(self.begin("submit"))
        self.assertEqual((run.step.name, self.snapshots(), self.jobs()), ("STOPPED", [], []))
        self.scene.camera = None
        run = self.finish(self.begin("submit", ignores_warnings=True))
        self.assertEqual((run.step.name, self.snapshots(), self.jobs()), ("STOPPED", [], []))

    def test_shows_what_the_gateway_refuses_and_removes_the_snapshot(self) -> None:
        run = self.finish(self.begin("submit", ignores_warnings=True, settings={"chunkSize": -1, "fames": "1"}))
        self.assertEqual(run.step.name, "STOPPED")
        refused = [finding.message for finding in run.findings if finding.code == "refused"]
        self.assertTrue(any("chunkSize" in message for message in refused), refused)
        self.assertTrue(any("did you mean frames" in message for message in refused), refused)
        self.assertEqual((self.snapshots(), self.jobs()), ([], []))

    def test_submits_once_however_often_it_is_clicked(self) -> None:
        first = self.begin("submit", ignores_warnings=True)
        self.assertIsNone(self.begin("submit", ignores_warnings=True))
        self.finish(first)
        self.assertIsNone(self.begin("submit", ignores_warnings=True), "the second half of a double click")
        self.assertEqual((len(self.jobs()), len(self.snapshots())), (1, 1))
        run = part("submit.run")
        with mock.patch.object(run, "DOUBLE_CLICK_SECONDS", 0):
            self.finish(self.begin("submit", ignores_warnings=True))
        self.assertEqual(len(self.jobs()), 2, "later it is a wish for another job")

    def test_sends_again_what_could_not_be_sent_and_submits_it_once(self) -> None:
        sending, errors = part("submit.run"), part("core.errors")
        real_send = sending.send

        def lose_the_answer(*args: Any, **kwargs: Any) -> Any:
            real_send(*args, **kwargs)
            raise errors.UnreachableError("It hung up in the middle of an answer.")

        with mock.patch.object(sending, "send", lose_the_answer):
            run = self.finish(self.begin("submit", ignores_warnings=True))
        self.assertEqual((run.step.name, run.can_send_again), ("FAILED", True))
        run.send_again()
        self.finish(run)
        self.assertEqual((run.step.name, run.job.already_submitted), ("SUBMITTED", True))
        self.assertEqual((len(self.jobs()), len(self.snapshots())), (1, 1))

    def test_can_be_canceled(self) -> None:
        run = self.begin("submit", ignores_warnings=True)
        run.cancel()
        self.until(lambda: self.session.background.is_idle)
        self.assertEqual((run.step.name, self.snapshots(), self.jobs()), ("CANCELED", [], []))

    def test_gives_up_when_another_file_is_opened_before_the_snapshot(self) -> None:
        run = self.begin("submit", ignores_warnings=True)
        bpy.ops.wm.open_mainfile(filepath=str(self.folder / "shot.blend"))
        self.until(lambda: self.session.background.is_idle)
        self.assertEqual((run.step.name, self.jobs()), ("CANCELED", []))

    def test_checks_again_what_changed_while_it_was_checked(self) -> None:
        run = self.begin("submit", ignores_warnings=True)
        self.scene.camera = None
        self.finish(run)
        self.assertEqual(run.step.name, "STOPPED")
        self.assertIn("no-camera", [finding.code for finding in run.findings])

    def test_goes_on_with_the_gateway_that_was_entered_meanwhile(self) -> None:
        run = self.begin("submit", ignores_warnings=True)
        self.preferences.gateway = "http://127.0.0.1:9"
        self.finish(run)
        self.assertEqual(run.step.name, "FAILED")
        self.assertIn("No gateway is running at http://127.0.0.1:9", run.message)
        self.preferences.gateway = self.gateway
        self.assertEqual((self.snapshots(), self.jobs()), ([], []))

    def test_removes_snapshots_of_deleted_jobs(self) -> None:
        self.scene.tablao.use_max_workers, self.scene.tablao.max_workers = True, 0
        job = self.submit().job
        (old,) = self.snapshots()
        delete = "mutation D($id: ID!) { deleteJob(input: { id: $id }) { __typename } }"
        self.assertEqual(self.ask("D", delete, id=job.id)["__typename"], "DeleteSuccess")
        with mock.patch.object(part("submit.run"), "DOUBLE_CLICK_SECONDS", 0):
            self.submit()
        self.until(lambda: self.session.background.is_idle)
        self.assertEqual((len(self.snapshots()), old in self.snapshots()), (1, False))


class DryRun(SubmitTest):
    def test_shows_tasks_and_frames_and_stores_nothing(self) -> None:
        run = self.finish(self.begin("preview", settings={"chunkSize": 2}))
        self.assertEqual(run.step.name, "PREVIEWED", (run.message, run.findings))
        self.assertEqual((run.preview.frame_count, run.preview.task_count), (3, 3))
        self.assertEqual([task.name for task in run.preview.tasks], ["render 1-2", "render 3", "preview video"])
        self.assertEqual((self.jobs(), self.snapshots()), ([], []))


class Settings(SubmitTest):
    def setUp(self) -> None:
        super().setUp()
        self.properties = part("job_type_properties")
        self.job_type = self.session.farm.job_type("simple-blender-render")
        self.group = self.properties.of_scene(self.scene, self.job_type)
        self.settings = {setting.key: setting for setting in self.job_type.settings}

    def values(self) -> dict[str, Any]:
        choices = part("submit.choices")
        return dict(choices.gather(self.scene, self.job_type, choices.Overrides()).settings)

    def test_follow_the_scene(self) -> None:
        scene = self.scene
        scene.frame_start, scene.frame_end, scene.frame_step = 3, 9, 2
        scene.render.fps, scene.render.fps_base = 24, 1.001
        scene.render.resolution_percentage = 50
        scene.cycles.samples = 7
        values = self.values()
        self.assertEqual((values["frames"], values["resolutionPercent"], values["samples"]), ("3-9x2", 50, 7))
        self.assertAlmostEqual(values["fps"], 23.976024, places=5)
        self.assertEqual((values["scene"], values["camera"], values["format"]), ("Scene", "Camera", "PNG"))
        self.assertEqual(values["outputPath"], str(self.folder / "render" / "shot_####"))
        self.assertNotIn("viewLayer", values, "all that the scene renders, unless it renders a single one")
        scene.render.use_single_layer = True
        self.assertEqual(self.values()["viewLayer"], "ViewLayer")
        scene.timeline_markers.new("cut", frame=1).camera = scene.camera
        self.assertNotIn("camera", self.values(), "the markers choose it")

    def test_begin_with_the_scenes_value_when_they_are_unlinked(self) -> None:
        self.scene.frame_end = 5
        value, scene_value, follow, _ = self.properties.names_of(self.settings["frames"])
        self.assertEqual(getattr(self.group, scene_value), "1-5")
        setattr(self.group, follow, False)
        self.scene.frame_end = 9
        self.assertEqual((self.values()["frames"], getattr(self.group, value)), ("1-5", "1-5"))
        setattr(self.group, follow, True)
        self.assertEqual(self.values()["frames"], "1-9")

    def test_have_the_widgets_ranges_and_tooltips_of_the_declaration(self) -> None:
        for setting in self.job_type.settings:
            definition = self.group.bl_rna.properties[self.properties.names_of(setting)[0]]
            with self.subTest(setting.key):
                self.assertEqual((definition.name, definition.description), (setting.label, setting.description))
                if setting.choices:
                    self.assertEqual(tuple(definition.enum_items.keys()), setting.choices)
                elif setting.type == "INTEGER":
                    self.assertEqual((definition.hard_min, definition.hard_max), (setting.minimum, setting.maximum))
                elif setting.type == "BOOLEAN":
                    self.assertEqual(definition.type, "BOOLEAN")

    def test_are_remembered_in_the_file(self) -> None:
        self.properties.set_value(self.group, self.settings["chunkSize"], 4)
        self.properties.set_value(self.group, self.settings["frames"], "2,3")
        self.properties.set_value(self.group, self.settings["format"], "JPEG")
        self.scene.tablao.priority = 90
        path = self.save("remembered.blend")
        disable()
        bpy.ops.wm.read_homefile(use_factory_startup=True)
        bpy.ops.wm.open_mainfile(filepath=str(path))
        enable()
        self.session = part("session").get()
        part("settings").get_preferences().gateway = self.gateway
        self.scene = bpy.context.scene
        self.connect()
        self.properties, choices = part("job_type_properties"), part("submit.choices")
        job_type = self.session.farm.job_type("simple-blender-render")
        values = choices.gather(self.scene, job_type, choices.Overrides()).settings
        self.assertEqual((values["chunkSize"], values["frames"], values["format"]), (4, "2,3", "JPEG"))
        self.assertEqual(self.scene.tablao.priority, 90)


class Operator(SubmitTest):
    """`bpy.ops.tablao.submit(...)`, which waits where there is no window."""

    def test_submits_and_says_so(self) -> None:
        settings = json.dumps({"frames": "2"})
        result = bpy.ops.tablao.submit(settings=settings, job_name=self.job_name, max_workers=0, ignore_warnings=True)
        self.assertEqual((result, len(self.jobs())), ({"FINISHED"}, 1))

    def test_raises_what_keeps_it_from_submitting(self) -> None:
        self.scene.camera = None
        with self.assertRaisesRegex(RuntimeError, "Not submitted.*no active camera"):
            bpy.ops.tablao.submit(ignore_warnings=True)
        with self.assertRaisesRegex(RuntimeError, "not a JSON object"):
            bpy.ops.tablao.submit(settings="[1]")

    def test_tells_warnings_from_errors(self) -> None:
        bpy.data.texts.new("rig_ui.py").use_module = True
        with self.assertRaisesRegex(RuntimeError, "ignore_warnings=True submits all the same"):
            bpy.ops.tablao.submit()

    def test_submits_a_job_that_reads_no_file(self) -> None:
        result = bpy.ops.tablao.submit(job_type="echo-sleep-test", settings='{"message": "hello"}', max_workers=0)
        self.assertEqual((result, self.snapshots()), ({"FINISHED"}, []))
