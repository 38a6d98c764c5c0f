import unittest

from tablao.core.address import Address, gateway_of_repository, parse_address
from tablao.core.errors import AddressError


class ParseAddress(unittest.TestCase):
    def test_takes_what_people_type(self) -> None:
        for typed, meant in {
            "farm": "http://farm:4000",
            " farm:4010 ": "http://farm:4010",
            "http://farm": "http://farm",
            "http://127.0.0.1:4000/": "http://127.0.0.1:4000",
            "http://127.0.0.1:4000/graphql": "http://127.0.0.1:4000",
            "https://farm.example/renders/": "https://farm.example/renders",
            "http://[::1]:4000": "http://[::1]:4000",
        }.items():
            with self.subTest(typed):
                self.assertEqual(str(parse_address(typed)), meant)

    def test_says_what_is_wrong(self) -> None:
        for typed, word in {
            "": "Enter the address",
            "ftp://farm": "not for gateways",
            "http://": "names no machine",
            "http://farm:port": "is not an address",
            "http://farm:99999": "is not an address",
            "http://my farm:4000": "names no machine",
            "http://anna:secret@farm": "user name",
        }.items():
            with self.subTest(typed), self.assertRaisesRegex(AddressError, word):
                parse_address(typed)

    def test_knows_this_machine(self) -> None:
        self.assertTrue(Address("http", "127.0.0.1", 4000).is_loopback)
        self.assertTrue(Address("http", "::1", 4000).is_loopback)
        self.assertTrue(Address("http", "localhost", 4000).is_loopback)
        self.assertFalse(Address("http", "farm", 4000).is_loopback)


class GatewayOfRepository(unittest.TestCase):
    def test_is_the_gateway_that_serves_it(self) -> None:
        for url, gateway in {
            "http://farm:4000/blender/index.json": "http://farm:4000",
            "https://farm.example/renders/blender/index.json?platform=linux": "https://farm.example/renders",
        }.items():
            with self.subTest(url):
                self.assertEqual(gateway_of_repository(url), gateway)

    def test_is_none_of_another_kind_of_repository(self) -> None:
        for url in ("", "https://extensions.blender.org/api/v1/extensions/", "https://studio/blender/index.json.old"):
            with self.subTest(url):
                self.assertIsNone(gateway_of_repository(url))
