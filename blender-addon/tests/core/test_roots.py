import unittest

from tablao.core.roots import find_name_fault, to_farm_path, to_local_path

ROOTS = {"proj": "/mnt/show", "textures": "/mnt/show/tex/", "win": "P:\\show", "share": "\\\\nas\\show"}


class ToFarmPath(unittest.TestCase):
    def test_takes_the_innermost_root(self) -> None:
        for path, meant in {
            "/mnt/show/shots/010.blend": "proj:shots/010.blend",
            "/mnt/show/tex/wood.png": "textures:wood.png",
            "/mnt/showcase/010.blend": "/mnt/showcase/010.blend",
            "/home/anna/010.blend": "/home/anna/010.blend",
            "p:\\show\\shots\\010.blend": "win:shots/010.blend",
            "P:/Show/shots/010.blend": "win:shots/010.blend",
            "\\\\nas\\show\\a.blend": "share:a.blend",
        }.items():
            with self.subTest(path):
                self.assertEqual(to_farm_path(path, ROOTS), meant)

    def test_leaves_alone_what_has_no_folder(self) -> None:
        self.assertEqual(to_farm_path("/a.blend", {"proj": "", "rel": "a"}), "/a.blend")

    def test_is_turned_round_by_to_local_path(self) -> None:
        self.assertEqual(to_local_path("proj:shots/010.blend", ROOTS), "/mnt/show/shots/010.blend")
        self.assertEqual(to_local_path("other:a.blend", ROOTS), "other:a.blend")
        self.assertEqual(to_local_path("C:/a.blend", ROOTS), "C:/a.blend")


class FindNameFault(unittest.TestCase):
    def test_takes_what_the_gateway_takes(self) -> None:
        for name in ("proj", "a1", "my_show-2"):
            self.assertIsNone(find_name_fault(name))
        for name in ("", "C", "1a", "a b", "a" * 33, "a:b"):
            with self.subTest(name):
                self.assertIn("2–32 letters", find_name_fault(name) or "")
