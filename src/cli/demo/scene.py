"""The demo's scene: a ball in a polka-dot dress dances on a round stage. 24 frames that loop.

Run by Blender 3.4 or newer: blender --background --factory-startup --python scene.py -- OUTPUT.blend

Plain materials and a few large lamps: that is what a handful of samples renders cleanly without a denoiser.
"""

from __future__ import annotations

import math
import sys
from typing import Any, Iterable, Tuple

import bpy
from mathutils import Vector

Triple = Tuple[float, float, float]

FRAMES = 24
WIDTH, HEIGHT = 320, 180
SAMPLES = 12

# Frame within the hop, height, and how far the dancer is stretched.
HOP = ((0, 0.05, 0.78), (2, 0.30, 1.10), (6, 1.25, 1.0), (10, 0.30, 1.10), (12, 0.05, 0.78))

LANTERNS = 12
RING_RADIUS = 3.1

RED = (0.62, 0.015, 0.03)
IVORY = (0.9, 0.82, 0.68)
WOOD = (0.30, 0.115, 0.04)
DARK_WOOD = (0.10, 0.032, 0.014)
CURTAIN = (0.035, 0.028, 0.12)
NIGHT = (0.010, 0.008, 0.022)
WARM = (1.0, 0.42, 0.10)
COOL = (0.42, 0.52, 1.0)


def make_material(name: str, color: Triple, roughness: float = 0.5, specular: float = 0.3) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*color, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    # Blender 4.0 renamed it.
    for socket in ("Specular", "Specular IOR Level"):
        if socket in shader.inputs:
            shader.inputs[socket].default_value = specular
    return material


def make_glow(name: str, color: Triple, strength: float) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    emission = nodes.new("ShaderNodeEmission")
    emission.inputs["Color"].default_value = (*color, 1.0)
    emission.inputs["Strength"].default_value = strength
    output = nodes.new("ShaderNodeOutputMaterial")
    links.new(emission.outputs["Emission"], output.inputs["Surface"])
    return material


def set_material(thing: bpy.types.Object, material: bpy.types.Material) -> None:
    thing.data.materials.append(material)


def smooth(thing: bpy.types.Object) -> None:
    for polygon in thing.data.polygons:
        polygon.use_smooth = True


def set_key(thing: bpy.types.Object, path: str, frame: int, value: Any, index: int = -1) -> None:
    if index < 0:
        setattr(thing, path, value)
    else:
        getattr(thing, path)[index] = value
    thing.keyframe_insert(path, index=index, frame=frame)


def look_at(thing: bpy.types.Object, target: bpy.types.Object) -> None:
    constraint = thing.constraints.new("TRACK_TO")
    constraint.target = target
    constraint.track_axis, constraint.up_axis = "TRACK_NEGATIVE_Z", "UP_Y"


def make_stage() -> None:
    """A round stage of boards on dark ground."""
    light = make_material("light wood", WOOD, roughness=0.35, specular=0.4)
    brown = make_material("brown wood", tuple(part * 0.78 for part in WOOD), roughness=0.35, specular=0.4)
    dark = make_material("dark wood", DARK_WOOD, roughness=0.5)
    brass = make_material("brass", (0.55, 0.33, 0.09), roughness=0.4)
    bpy.ops.mesh.primitive_cylinder_add(vertices=96, radius=4.0, depth=0.5, location=(0, 0, -0.25))
    set_material(bpy.context.object, dark)
    # Boards, cut to the circle: each as long as the stage is there.
    boards, width, radius = 19, 0.4, 3.85
    for i in range(boards):
        y = (i - (boards - 1) / 2) * width
        half = math.sqrt(max(0.0, radius**2 - (abs(y) + width / 2) ** 2))
        if half < 0.3:
            continue
        bpy.ops.mesh.primitive_cube_add(size=1, location=(0, y, 0.01))
        board = bpy.context.object
        board.scale = (2 * half, width - 0.025, 0.04)
        set_material(board, light if i % 2 else brown)
    bpy.ops.mesh.primitive_torus_add(major_radius=4.0, minor_radius=0.07, major_segments=96, location=(0, 0, 0))
    smooth(bpy.context.object)
    set_material(bpy.context.object, brass)
    bpy.ops.mesh.primitive_plane_add(size=80, location=(0, 0, -0.5))
    set_material(bpy.context.object, make_material("ground", (0.03, 0.022, 0.04), roughness=0.9, specular=0.1))


def make_curtain() -> None:
    """Half around the stage, in folds."""
    radius, height, folds, steps = 8.0, 9.0, 30, 360
    vertices, faces = [], []
    for i in range(steps + 1):
        angle = math.radians(-20 + 220 * i / steps)
        fold = radius + 0.22 * math.sin(folds * 2 * math.pi * i / steps) + 0.08 * math.sin(5.3 * folds * i / steps)
        for z in (-0.5, height):
            vertices.append((fold * math.cos(angle), fold * math.sin(angle), z))
    for i in range(steps):
        faces.append((2 * i, 2 * i + 2, 2 * i + 3, 2 * i + 1))
    mesh = bpy.data.meshes.new("curtain")
    mesh.from_pydata(vertices, [], faces)
    curtain = bpy.data.objects.new("curtain", mesh)
    bpy.context.collection.objects.link(curtain)
    smooth(curtain)
    set_material(curtain, make_material("velvet", CURTAIN, roughness=0.8, specular=0.2))


def make_dancer() -> None:
    """A red ball with ivory dots; it hops twice in a loop, and turns a sixth of a turn with each hop."""
    red = make_material("dress", RED, roughness=0.3, specular=0.5)
    ivory = make_material("dots", IVORY, roughness=0.4)
    bpy.ops.object.empty_add(location=(0, 0, 0))
    dancer = bpy.context.object
    bpy.ops.mesh.primitive_uv_sphere_add(segments=64, ring_count=32, radius=1, location=(0, 0, 1))
    ball = bpy.context.object
    smooth(ball)
    set_material(ball, red)
    ball.parent = dancer
    # Six dots around, row by row, set off by half a step: so a sixth of a turn looks like none, and the loop closes.
    for row, latitude in enumerate((-62, -31, 0, 31, 62)):
        for i in range(6):
            east, north = math.radians((i + row % 2 / 2) * 60), math.radians(latitude)
            flat = math.cos(north)
            normal = Vector((flat * math.cos(east), flat * math.sin(east), math.sin(north)))
            radius = 0.25 if abs(latitude) < 60 else 0.17
            bpy.ops.mesh.primitive_uv_sphere_add(segments=32, ring_count=16, radius=radius)
            dot = bpy.context.object
            smooth(dot)
            set_material(dot, ivory)
            dot.location = normal * 0.955 + Vector((0, 0, 1))
            dot.rotation_euler = normal.to_track_quat("Z", "Y").to_euler()
            dot.scale = (1, 1, 0.32)
            dot.parent = dancer
    hop = FRAMES // 2
    for start in (1, 1 + hop):
        for offset, height, stretch in HOP:
            set_key(dancer, "location", start + offset, height, index=2)
            wide = 1 / math.sqrt(stretch)
            set_key(dancer, "scale", start + offset, (wide, wide, stretch))
    for frame, turn in ((1, 0), (1 + FRAMES, 2 * math.pi / 3)):
        set_key(dancer, "rotation_euler", frame, turn, index=2)
    for curve in read_curves(dancer):
        if curve.data_path == "rotation_euler":
            for point in curve.keyframe_points:
                point.interpolation = "LINEAR"


def read_curves(thing: bpy.types.Object) -> Iterable[bpy.types.FCurve]:
    action = thing.animation_data.action
    if hasattr(action, "fcurves"):
        return action.fcurves
    # Blender 5: layered actions.
    return action.layers[0].strips[0].channelbag(thing.animation_data.action_slot).fcurves


def make_lanterns() -> None:
    """A ring of lanterns that rises and falls as a wave, once around in a loop."""
    glow = make_glow("lantern", WARM, 3.0)
    cap = make_material("cap", (0.05, 0.02, 0.015), roughness=0.6)
    for i in range(LANTERNS):
        phase = i / LANTERNS
        angle = phase * 2 * math.pi
        x, y = RING_RADIUS * math.cos(angle), RING_RADIUS * math.sin(angle)
        bpy.ops.mesh.primitive_uv_sphere_add(segments=24, ring_count=16, radius=0.17, location=(x, y, 0.4))
        lantern = bpy.context.object
        smooth(lantern)
        set_material(lantern, glow)
        bpy.ops.mesh.primitive_cylinder_add(vertices=24, radius=0.11, depth=0.07, location=(0, 0, 0.17))
        set_material(bpy.context.object, cap)
        bpy.context.object.parent = lantern
        for frame in range(1, FRAMES + 2, 2):
            wave = math.sin(2 * math.pi * ((frame - 1) / FRAMES - 2 * phase))
            set_key(lantern, "location", frame, 0.55 + 0.28 * wave, index=2)


def make_lamp(name: str, color: Triple, power: float, size: float, location: Triple) -> bpy.types.Object:
    data = bpy.data.lights.new(name, "AREA")
    data.color, data.energy, data.size = color, power, size
    lamp = bpy.data.objects.new(name, data)
    lamp.location = location
    bpy.context.collection.objects.link(lamp)
    return lamp


def make_lights_and_camera(scene: bpy.types.Scene) -> None:
    bpy.ops.object.empty_add(location=(0, 0, 0.95))
    target = bpy.context.object
    look_at(make_lamp("key", (1.0, 0.80, 0.58), 620, 2.2, (4.2, -4.6, 6.2)), target)
    look_at(make_lamp("rim", COOL, 700, 2.5, (-4.5, 5.0, 4.6)), target)
    look_at(make_lamp("fill", (1.0, 0.45, 0.5), 90, 5.0, (-5.5, -4.0, 2.2)), target)

    world = bpy.data.worlds.new("night")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (*NIGHT, 1.0)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = 1.0
    scene.world = world

    data = bpy.data.cameras.new("camera")
    data.lens = 40
    camera = bpy.data.objects.new("camera", data)
    camera.location = (0, -10.2, 3.4)
    bpy.context.collection.objects.link(camera)
    look_at(camera, target)
    scene.camera = camera


def has_denoiser() -> bool:
    """Debian's builds have none: with denoising on they write no frame and exit 0."""
    try:
        import _cycles
    except ImportError:
        return False
    return bool(getattr(_cycles, "with_openimagedenoise", False))


def set_up_render(scene: bpy.types.Scene) -> None:
    scene.frame_start, scene.frame_end = 1, FRAMES
    scene.render.fps = 24
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    scene.render.resolution_percentage = 100
    scene.render.engine = "CYCLES"
    scene.render.image_settings.file_format = "PNG"
    scene.render.use_persistent_data = True
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    # So few samples leave nothing to adapt: measured, it only costs.
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.max_bounces = 3
    scene.cycles.diffuse_bounces = 2
    scene.cycles.glossy_bounces = 2
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    scene.cycles.sample_clamp_indirect = 2.0
    scene.cycles.use_denoising = has_denoiser()


def main(path: str) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    make_stage()
    make_curtain()
    make_dancer()
    make_lanterns()
    make_lights_and_camera(scene)
    set_up_render(scene)
    bpy.ops.wm.save_as_mainfile(filepath=path, check_existing=False, compress=True)


main(sys.argv[sys.argv.index("--") + 1])
