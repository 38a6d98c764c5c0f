"""Each check has a scene that trips it; where it has a button, the button mends it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest import mock

import bpy

from .support import BlenderTest, part


class ChecksTest(BlenderTest):
    def assertTrips(self, code: str, severity: str, **overrides: Any) -> Any:
        found = [finding for finding in self.check(**overrides) if finding.code == code]
        self.assertEqual(len(found), 1, f"{code} in {part('submit.current').get().findings}")
        self.assertEqual(found[0].severity.name, severity)
        return found[0]

    def assertQuiet(self, code: str, **overrides: Any) -> None:
        self.assertNotIn(code, [finding.code for finding in self.check(**overrides)])

    def mend(self, code: str) -> None:
        run = part("submit.current").get()
        (number,) = (number for number, finding in enumerate(run.findings) if finding.code == code)
        self.assertEqual(bpy.ops.tablao.mend(number=number), {"FINISHED"})
        self.finish(part("submit.current").get())


class UnsavedFile(ChecksTest):
    saved_as = ""

    def test_file_that_was_never_saved(self) -> None:
        self.assertTrips("file-never-saved", "ERROR")
        self.assertEqual(part("scene.mends").MENDS["file-never-saved"][0], "Save")


class Checks(ChecksTest):
    def test_a_plain_scene_trips_none_that_stops_it(self) -> None:
        about_the_farm = ("no-worker", "farm-lacks-version")
        self.assertEqual([finding for finding in self.check() if finding.code not in about_the_farm], [])

    def test_unsaved_changes(self) -> None:
        """Without a window Blender keeps no account of them, so it is told for this one."""
        with mock.patch.object(part("scene.collect"), "has_unsaved_changes", lambda: True):
            self.assertTrips("file-unsaved", "NOTE")
            self.scene.tablao.renders = "IN_PLACE"
            self.assertTrips("file-unsaved", "ERROR")
            saved = (self.folder / "shot.blend").stat().st_mtime_ns
            self.mend("file-unsaved")
        self.assertGreater((self.folder / "shot.blend").stat().st_mtime_ns, saved)
        self.assertQuiet("file-unsaved")

    def test_missing_image(self) -> None:
        self._use_image(bpy.data.images.new("wood", 4, 4), "//textures/wood.png")
        finding = self.assertTrips("file-missing", "WARNING")
        self.assertIn(os.path.join("textures", "wood.png"), finding.message)
        self._touch("textures/wood.png")
        self.assertQuiet("file-missing")

    def test_image_that_nothing_uses(self) -> None:
        image = bpy.data.images.new("wood", 4, 4)
        image.source, image.filepath = "FILE", "//textures/wood.png"
        self.assertQuiet("file-missing")

    def test_missing_frames_of_a_sequence(self) -> None:
        image = bpy.data.images.new("fire", 4, 4)
        node = self._use_image(image, "//fire/fire_0001.png")
        image.source = "SEQUENCE"
        node.image_user.frame_start, node.image_user.frame_duration = 1, 10
        self._touch("fire/fire_0001.png", "fire/fire_0003.png")
        finding = self.assertTrips("file-missing", "WARNING")
        self.assertIn("1 of 3 files are missing, the first is fire_0002.png", finding.message)
        self.assertQuiet("file-missing", settings={"frames": "1,3"})

    def test_missing_tile(self) -> None:
        image = bpy.data.images.new("skin", 4, 4, tiled=True)
        image.tiles.new(1002)
        self._use_image(image, "//skin.<UDIM>.png", source="TILED")
        self._touch("skin.1001.png")
        finding = self.assertTrips("file-missing", "WARNING")
        self.assertIn("1 of 2 files are missing, the first is skin.1002.png", finding.message)

    def test_missing_library(self) -> None:
        library = self.folder / "library.blend"
        bpy.data.libraries.write(str(library), {bpy.data.materials["Material"]})
        with bpy.data.libraries.load(str(library), link=True) as (source, target):
            target.materials = source.materials
        bpy.data.objects["Cube"].data.materials.append(target.materials[0])
        self.save("linked.blend")
        self.assertQuiet("file-missing")
        library.unlink()
        self.assertIn("Library", self.assertTrips("file-missing", "WARNING").message)

    def test_missing_font(self) -> None:
        source = next(
            path for path in Path(bpy.utils.system_resource("DATAFILES", path="fonts")).iterdir() if path.is_file()
        )
        font = self.folder / f"own{source.suffix}"
        font.write_bytes(source.read_bytes())
        curve = bpy.data.curves.new("text", "FONT")
        curve.font = bpy.data.fonts.load(str(font))
        self.scene.collection.objects.link(bpy.data.objects.new("text", curve))
        self.assertQuiet("file-missing")
        font.unlink()
        self.assertIn("Font", self.assertTrips("file-missing", "WARNING").message)

    def test_missing_sound(self) -> None:
        path = self.folder / "voice.wav"
        path.write_bytes(_wav())
        speaker = bpy.data.speakers.new("speaker")
        speaker.sound = bpy.data.sounds.load(str(path))
        self.scene.collection.objects.link(bpy.data.objects.new("speaker", speaker))
        self.assertQuiet("file-missing")
        path.unlink()
        self.assertIn("Sound", self.assertTrips("file-missing", "WARNING").message)

    def test_missing_cache(self) -> None:
        modifier = bpy.data.objects["Cube"].modifiers.new("cache", "MESH_CACHE")
        modifier.filepath = "//caches/cube.mdd"
        self.assertIn("Mesh cache “Cube ▸ cache”", self.assertTrips("file-missing", "WARNING").message)

    def test_missing_volume(self) -> None:
        volume = bpy.data.volumes.new("smoke")
        volume.filepath = "//smoke_0001.vdb"
        self.scene.collection.objects.link(bpy.data.objects.new("smoke", volume))
        self.assertIn("Volume “smoke”", self.assertTrips("file-missing", "WARNING").message)

    def test_missing_image_of_a_strip(self) -> None:
        self._touch("strip_0001.png")
        editor = self.scene.sequence_editor_create()
        strips = editor.strips if hasattr(editor, "strips") else editor.sequences
        strip = strips.new_image(name="strip", filepath=str(self.folder / "strip_0001.png"), channel=1, frame_start=1)
        strip.elements.append("strip_0002.png")
        self.assertIn("Image strip “strip”", self.assertTrips("file-missing", "WARNING").message)

    def test_no_camera(self) -> None:
        self.scene.camera = None
        self.assertTrips("no-camera", "ERROR")
        self.mend("no-camera")
        self.assertEqual(self.scene.camera.name, "Camera")
        self.assertQuiet("no-camera")

    def test_no_camera_where_none_is_needed(self) -> None:
        camera, self.scene.camera = self.scene.camera, None
        marker = self.scene.timeline_markers.new("cut", frame=1)
        marker.camera = camera
        self.assertQuiet("no-camera")
        bpy.data.objects.remove(camera)
        finding = self.assertTrips("no-camera", "ERROR")
        self.assertIsNone(part("scene.mends").find_mend(finding))

    def test_relative_output_path(self) -> None:
        self.scene.render.filepath = "render/shot_####"
        self.assertTrips("output-relative", "ERROR")
        self.mend("output-relative")
        self.assertEqual(self.scene.render.filepath, "//render/shot_####")
        self.assertQuiet("output-relative")

    def test_output_path_that_cannot_be_written_to(self) -> None:
        (self.folder / "taken").write_text("a file")
        self.scene.render.filepath = "//taken/shot_####"
        self.assertIn("is a file", self.assertTrips("output-not-writable", "ERROR").message)
        self.mend("output-not-writable")
        self.assertEqual(self.scene.render.filepath, "//render/shot_######")
        self.assertQuiet("output-not-writable")

    def test_output_path_without_number(self) -> None:
        self.scene.render.filepath = "//render/shot_"
        self.assertTrips("output-without-number", "ERROR")
        self.mend("output-without-number")
        self.assertEqual(self.scene.render.filepath, "//render/shot_####")
        self.assertQuiet("output-without-number")

    def test_output_path_with_several_numbers(self) -> None:
        self.scene.render.filepath = "//render_##/shot_####"
        self.assertTrips("output-with-many-numbers", "ERROR")

    def test_output_path_with_a_template(self) -> None:
        self.scene.render.filepath = "//render/{blend_name}_####"
        self.assertTrips("output-with-template", "ERROR")

    def test_no_output_path(self) -> None:
        self.scene.render.filepath = ""
        self.assertTrips("output-empty", "ERROR")

    def test_own_output_path_is_mended_where_it_stands(self) -> None:
        self.connect()
        properties = part("job_type_properties")
        job_type = self.session.farm.job_type("simple-blender-render")
        group = properties.of_scene(self.scene, job_type)
        setting = job_type.setting_of("OUTPUT_PATH")
        properties.set_value(group, setting, "//own/shot")
        self.assertTrips("output-without-number", "ERROR")
        self.mend("output-without-number")
        self.assertEqual(properties.value_of(group, setting), "//own/shot####")
        self.assertEqual(self.scene.render.filepath, "//render/shot_####", "the scene's own stays")

    def test_movie_format(self) -> None:
        image = self.scene.render.image_settings
        if hasattr(image, "media_type"):
            image.media_type = "VIDEO"
        image.file_format = "FFMPEG"
        self.assertTrips("output-is-movie", "ERROR")
        self.mend("output-is-movie")
        self.assertEqual(image.file_format, "PNG")
        self.assertQuiet("output-is-movie")

    def test_format_that_the_farm_does_not_render(self) -> None:
        self.scene.render.image_settings.file_format = "TARGA"
        self.assertIn("TARGA", self.assertTrips("output-format", "ERROR").message)

    def test_no_frames(self) -> None:
        self.connect()
        properties = part("job_type_properties")
        job_type = self.session.farm.job_type("simple-blender-render")
        group = properties.of_scene(self.scene, job_type)
        setting = job_type.setting_of("FRAME_RANGE")
        for frames in ("", "10-1"):
            properties.set_value(group, setting, frames)
            self.assertTrips("frames-empty", "ERROR")
        self.mend("frames-empty")
        self.assertTrue(properties.is_following(group, setting))
        self.assertQuiet("frames-empty")

    def test_engine_that_the_farm_lacks(self) -> None:
        class Engine(bpy.types.RenderEngine):
            bl_idname = "STUDIO_ENGINE"
            bl_label = "Studio"

        bpy.utils.register_class(Engine)
        self.addCleanup(bpy.utils.unregister_class, Engine)
        self.scene.render.engine = "STUDIO_ENGINE"
        self.addCleanup(setattr, self.scene.render, "engine", "CYCLES")
        for offers, severity in (((), "WARNING"), (("engine:CYCLES",), "ERROR")):
            with self.farm_of(offers):
                self.assertTrips("engine-missing", severity)
        with self.farm_of(("engine:CYCLES",), ("engine:CYCLES", "engine:STUDIO_ENGINE")):
            self.assertIn("worker 1 lacks", self.assertTrips("engine-missing", "WARNING").message)
        with self.farm_of(("engine:STUDIO_ENGINE",)):
            self.assertQuiet("engine-missing")

    def test_denoiser_that_the_farm_lacks(self) -> None:
        self.scene.cycles.use_denoising = True
        without, having = ("engine:CYCLES",), ("engine:CYCLES", "denoiser:OPENIMAGEDENOISE")
        with self.farm_of(having):
            self.assertQuiet("denoiser-missing")
        with self.farm_of(having, without):
            self.assertIn("worker 2 lacks", self.assertTrips("denoiser-missing", "WARNING").message)
        with self.farm_of(without):
            self.assertTrips("denoiser-missing", "ERROR")
            self.mend("denoiser-missing")
            self.assertFalse(self.scene.cycles.use_denoising)
            self.assertQuiet("denoiser-missing")

    def test_denoiser_that_this_blender_lacks(self) -> None:
        """The farm does not say what it has; this Blender is of the same kind, as a rule."""
        import _cycles

        self.scene.cycles.use_denoising = True
        with self.farm_of(()):
            if _cycles.with_openimagedenoise:
                self.assertQuiet("denoiser-missing")
            else:
                self.assertTrips("denoiser-missing", "WARNING")

    def test_file_output_node(self) -> None:
        node = self._compositor().nodes.new("CompositorNodeOutputFile")
        if hasattr(node, "directory"):
            node.directory = "//passes"
        else:
            node.base_path = "//passes"
        finding = self.assertTrips("file-output-node", "WARNING")
        self.assertIn(str(self.folder / "passes"), finding.message)
        self.mend("file-output-node")
        self.assertTrue(node.mute)
        self.assertQuiet("file-output-node")

    def test_file_output_node_in_a_group(self) -> None:
        inner = bpy.data.node_groups.new("inner", "CompositorNodeTree")
        inner.nodes.new("CompositorNodeOutputFile")
        group = self._compositor().nodes.new("CompositorNodeGroup")
        group.node_tree = inner
        self.assertTrips("file-output-node", "WARNING")

    def test_driver_that_is_python(self) -> None:
        cube = bpy.data.objects["Cube"]
        driver = cube.driver_add("rotation_euler", 2).driver
        driver.expression = "frame * 0.1 + sin(frame)"
        self.assertQuiet("needs-scripts")
        driver.expression = "__import__('random').random()"
        self.assertIn("driver of “Cube”", self.assertTrips("needs-scripts", "WARNING").message)

    def test_script_that_registers(self) -> None:
        text = bpy.data.texts.new("rig_ui.py")
        text.write("import bpy\n")
        self.assertQuiet("needs-scripts")
        text.use_module = True
        self.assertIn("text “rig_ui.py”", self.assertTrips("needs-scripts", "WARNING").message)

    def test_disk_cache_named_after_the_file(self) -> None:
        cloth = bpy.data.objects["Cube"].modifiers.new("cloth", "CLOTH")
        self.assertQuiet("renders-in-place")
        cloth.point_cache.use_disk_cache = True
        self.save("shot.blend")
        finding = self.assertTrips("renders-in-place", "NOTE")
        self.assertIn("Cube ▸ cloth is named after the file (blendcache_shot)", finding.message)

    def test_farm_without_this_version(self) -> None:
        with self.farm_of((), version="2.79.0"):
            self.assertTrips("farm-lacks-version", "WARNING")
        with self.farm_of(()):
            self.assertQuiet("farm-lacks-version")

    def test_farm_without_a_worker(self) -> None:
        with self.farm_of():
            self.assertTrips("no-worker", "WARNING")
        self.scene.tablao.worker_tag = "gpu"
        with self.farm_of(()):
            self.assertIn("tag “gpu”", self.assertTrips("no-worker", "WARNING").message)

    def farm_of(self, *offers: tuple[str, ...], version: str = "") -> Any:
        """Workers with these offers, instead of the test's own, which comes and goes."""
        version = version or "{}.{}.{}".format(*bpy.app.version)
        make = part("core.connection").FarmWorker
        workers = [
            make(f"worker {number}", ("blender",), (), (version,), words) for number, words in enumerate(offers, 1)
        ]
        return mock.patch.object(part("submit.run"), "read_workers", lambda *_: tuple(workers))

    def _use_image(self, image: Any, path: str, source: str = "FILE") -> Any:
        image.source, image.filepath = source, path
        material = bpy.data.objects["Cube"].active_material
        material.use_nodes = True
        node = material.node_tree.nodes.new("ShaderNodeTexImage")
        node.image = image
        return node

    def _compositor(self) -> Any:
        if hasattr(self.scene, "compositing_node_group"):
            self.scene.compositing_node_group = bpy.data.node_groups.new("compositor", "CompositorNodeTree")
            return self.scene.compositing_node_group
        self.scene.use_nodes = True
        return self.scene.node_tree

    def _touch(self, *names: str) -> None:
        for name in names:
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).touch()


def _wav() -> bytes:
    import io
    import wave

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * 800)
    return buffer.getvalue()
