import unittest

from tablao.core.wrapping import wrap


def measure(text: str) -> float:
    """An i is half as wide as any other character."""
    return sum(0.5 if character == "i" else 1 for character in text)


class Wrap(unittest.TestCase):
    def test_fills_lines_by_what_was_measured(self) -> None:
        self.assertEqual(wrap("iiii iiii iiii iiii", 9, measure), ["iiii iiii iiii", "iiii"])
        self.assertEqual(wrap("aaaa aaaa aaaa aaaa", 9, measure), ["aaaa aaaa", "aaaa aaaa"])

    def test_breaks_a_path_behind_its_separators(self) -> None:
        self.assertEqual(wrap("gone: /show/tex/wood.png", 10, measure), ["gone:", "/show/tex/", "wood.png"])

    def test_breaks_what_has_no_separator_where_it_must(self) -> None:
        self.assertEqual(wrap("abcdefghijk", 4, measure), ["abcd", "efgh", "ijk"])
        self.assertEqual(wrap("abc", 0.1, measure), ["a", "b", "c"])

    def test_keeps_the_lines_that_are_there(self) -> None:
        self.assertEqual(wrap("one\ntwo three", 40, measure), ["one", "two three"])
        self.assertEqual(wrap("one\n\ntwo", 40, measure), ["one", "", "two"])
        self.assertEqual(wrap("", 40, measure), [""])

    def test_loses_nothing(self) -> None:
        text = "Image “planks” is missing: /mnt/show/shots/sq010/textures/planks_albedo_4k.png, and W is wide"
        for width in range(1, 60):
            with self.subTest(width):
                lines = wrap(text, width, measure)
                self.assertEqual("".join(lines).replace(" ", ""), text.replace(" ", ""))
                self.assertTrue(all(measure(line) <= max(width, 1) for line in lines))


if __name__ == "__main__":
    unittest.main()
