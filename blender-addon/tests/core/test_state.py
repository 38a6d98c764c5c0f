import os
import stat
import tempfile
import unittest
from pathlib import Path

from tablao.core.address import Address
from tablao.core.live_page import LivePage
from tablao.core.token_store import TokenStore

FARM = Address("http", "farm", 4000)


class LivePageTest(unittest.TestCase):
    def test_follows_a_page(self) -> None:
        page: LivePage = LivePage(lambda given: (given["id"], given["progress"]))
        page.apply({"changed": [{"id": "a", "progress": 0}, {"id": "b", "progress": 0}], "order": ["a", "b"]})
        changed = [{"id": "c", "progress": 0}, {"id": "b", "progress": 0.5}]
        self.assertEqual(page.apply({"changed": changed, "order": ["c", "b"]}), (("c", 0), ("b", 0.5)))

    def test_keeps_nothing_that_a_new_connection_does_not_have(self) -> None:
        page: LivePage = LivePage(lambda given: (given["id"], given["progress"]))
        page.apply({"changed": [{"id": "a", "progress": 0}, {"id": "b", "progress": 0}], "order": ["a", "b"]})
        whole = {"changed": [{"id": "b", "progress": 1}], "order": ["b"]}
        self.assertEqual(page.apply(whole), (("b", 1),))


class TokenStoreTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.store = TokenStore(Path(folder.name) / "tablao")

    def test_keeps_a_token_for_each_gateway(self) -> None:
        self.store.save(FARM, "one")
        self.store.save(Address("https", "other", 443), "two")
        self.assertEqual(self.store.load(FARM), "one")
        self.assertEqual(self.store.load(Address("http", "stranger", 4000)), "", "a token goes to its own gateway only")
        self.store.save(FARM, "")
        self.assertEqual(self.store.load(FARM), "")

    @unittest.skipUnless(os.name == "posix", "Windows keeps a user's files by their folder")
    def test_lets_nobody_else_read_it(self) -> None:
        self.store.save(FARM, "one")
        self.store.path.chmod(0o644)
        self.store.save(FARM, "two")
        self.assertEqual(stat.S_IMODE(self.store.path.stat().st_mode), 0o600)
        self.assertEqual(os.listdir(self.store.path.parent), ["tokens.json"])

    def test_begins_anew_when_the_file_is_broken(self) -> None:
        self.store.path.parent.mkdir()
        self.store.path.write_text("no JSON")
        self.assertEqual(self.store.load(FARM), "")
        self.store.save(FARM, "one")
        self.assertEqual(self.store.load(FARM), "one")
