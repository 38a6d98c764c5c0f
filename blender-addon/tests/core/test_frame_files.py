import os
import tempfile
import unittest
from pathlib import Path
from typing import Any, Optional

from tablao.core.cancellation import Cancellation
from tablao.core.errors import RefusedError
from tablao.core.frame_files import find_frame, find_frames, find_output_folder
from tablao.core.picture_cache import PictureCache
from tablao.core.rows import FrameRow

from .gateways import gateway_of
from .servers import Request, brief_client


class FrameFilesTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.cache = PictureCache(self.folder / "cache")
        self.requested: list[str] = []

    def _render(self, *numbers: int) -> None:
        output = self.folder / "disk" / "shot"
        output.mkdir(parents=True, exist_ok=True)
        for number in numbers:
            (output / f"f_{number:04d}.png").write_bytes(b"frame")

    def _serve(self, root: str, *numbers: int, image_url: Optional[str] = "/frames/job/{}.jpg?v=1") -> Any:
        """Two frames a page."""

        def list_frames(request: Request) -> None:
            start = int(request.variables["after"] or 0)
            nodes = [
                {
                    "number": number,
                    "path": f"{root}shot/f_{number:04d}.png",
                    "imageUrl": image_url and image_url.format(number),
                }
                for number in numbers[start : start + 2]
            ]
            page = {"hasNextPage": start + 2 < len(numbers), "endCursor": str(start + 2)}
            request.reply(200, {"data": {"job": {"frames": {"nodes": nodes, "pageInfo": page}}}})

        def send_picture(request: Request) -> None:
            self.requested.append(request.path)
            if "404" in request.path:
                request.reply(404, b"none", "text/plain")
            else:
                request.reply(200, request.path.encode(), "image/jpeg")

        return gateway_of(JobFrames=list_frames, get=send_picture)

    def _find(self, address: Any, roots: dict[str, str]) -> Any:
        return find_frames(brief_client(address, 5.0), "job", roots, self.cache, Cancellation())

    def test_are_the_frames_themselves_where_this_machine_sees_them(self) -> None:
        self._render(1, 2, 5)
        with self._serve("show:", 1, 2, 3, 5) as address:
            found = self._find(address, {"show": str(self.folder / "disk")})
        self.assertFalse(found.are_small)
        self.assertEqual([frame.number for frame in found.frames], [1, 2, 5], "frame 3 is not there any more")
        self.assertTrue(all(os.path.isfile(frame.path) for frame in found.frames))
        self.assertEqual(self.requested, [])

    def test_are_small_pictures_where_it_does_not(self) -> None:
        with self._serve("/farm/", 1, 404, 3) as address:
            found = self._find(address, {})
            again = self._find(address, {})
        self.assertTrue(found.are_small)
        self.assertEqual([os.path.basename(frame.path) for frame in found.frames], ["000001.jpg", "000003.jpg"])
        self.assertEqual(Path(found.frames[0].path).read_text(), "/frames/job/1.jpg?v=1")
        self.assertEqual(again, found)
        self.assertEqual(len([path for path in self.requested if "404" not in path]), 2, "asked for once")

    def test_are_fetched_again_when_a_frame_was_rendered_again(self) -> None:
        with self._serve("/farm/", 1) as address:
            self._find(address, {})
        with self._serve("/farm/", 1, image_url="/frames/job/{}.jpg?v=2") as address:
            client = brief_client(address, 5.0)
            frame = FrameRow(1, "/farm/shot/f_0001.png", "/frames/job/1.jpg?v=2")
            found = find_frame(client, "job", frame, {}, self.cache, Cancellation())
        self.assertEqual(Path(found.frames[0].path).read_text(), "/frames/job/1.jpg?v=2")

    def test_say_what_is_missing(self) -> None:
        with self._serve("/farm/", image_url=None) as address:
            with self.assertRaisesRegex(RefusedError, "No frame is rendered yet."):
                self._find(address, {})
        with self._serve("/farm/", 1, image_url=None) as address:
            with self.assertRaisesRegex(RefusedError, "does not see /farm/shot, and the gateway has no pictures"):
                self._find(address, {})

    def test_know_the_folder_they_are_in(self) -> None:
        self._render(1)
        with self._serve("show:", 1) as address:
            client = brief_client(address, 5.0)
            folder = find_output_folder(client, "job", {"show": str(self.folder / "disk")}, Cancellation())
            self.assertEqual(folder, str(self.folder / "disk" / "shot"))
            with self.assertRaisesRegex(RefusedError, "does not see show:shot"):
                find_output_folder(client, "job", {}, Cancellation())


class PictureCacheTest(unittest.TestCase):
    def test_loses_what_was_looked_at_longest_ago(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            cache = PictureCache(Path(folder), most_bytes=250)
            pictures = Path(folder) / "pictures"
            for age, name in enumerate(["now", "yesterday", "last week"]):
                (pictures / name).mkdir(parents=True)
                (pictures / name / "000001.jpg").write_bytes(b"x" * 100)
                os.utime(pictures / name, (1_000_000 - age, 1_000_000 - age))
            cache.shrink(kept=pictures / "last week")
            self.assertEqual(sorted(os.listdir(pictures)), ["last week", "now"])
