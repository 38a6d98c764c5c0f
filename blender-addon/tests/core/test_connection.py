import unittest

from tablao.core.connection import connect
from tablao.core.errors import NotAGatewayError, SchemaMismatchError
from tablao.core.version import compare_versions, describe_difference, read_addon_version

from .servers import brief_client, http_server

SETTING = {
    "key": "quality",
    "label": "Quality",
    "description": "How fine.",
    "type": "SPECTRUM",
    "default": None,
    "choices": None,
    "minimum": None,
    "maximum": None,
    "required": False,
    "editable": True,
    "sceneSource": "MOON_PHASE",
}
JOB_TYPE = {"name": "future", "label": "Future", "description": "", "version": "9", "settings": [SETTING]}


def gateway(version: str, unknown: tuple[str, ...] = ()):
    def answer(request) -> None:
        if request.path == "/health":
            request.reply(200, {"status": "ok", "version": version})
        elif request.operation in unknown:
            error = {"message": 'Cannot query field "x".', "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}
            request.reply(400, {"errors": [error]})
        elif request.operation == "JobTypes":
            request.reply(200, {"data": {"jobTypes": [JOB_TYPE]}})
        else:
            worker = {"name": "anna", "taskTypes": ["blender"], "tags": [], "blenderVersions": ["4.5.15"], "offers": ["engine:CYCLES"]}
            request.reply(200, {"data": {"workers": {"nodes": [worker]}}})

    return answer


class Connect(unittest.TestCase):
    def test_tells_what_the_gateway_renders_and_with_what(self) -> None:
        with http_server(gateway("1.2.9")) as address:
            farm = connect(brief_client(address), "1.2.0")
        self.assertEqual(
            farm.job_types[0].settings[0].type, "SPECTRUM", "what is newer than the add-on does not stop it"
        )
        self.assertEqual(farm.workers and farm.workers[0].blender_versions, ("4.5.15",))
        self.assertIsNone(farm.version_note)

    def test_works_with_a_gateway_that_lacks_something(self) -> None:
        with http_server(gateway("1.1.0", unknown=("Workers",))) as address:
            farm = connect(brief_client(address), "1.2.0")
        self.assertIsNone(farm.workers)
        self.assertIn("older than this add-on", farm.version_note or "")

    def test_says_which_of_the_two_is_too_old(self) -> None:
        for version, word in (
            ("0.9.0", "gateway is too old"),
            ("2.0.0", "add-on is too old"),
            ("1.2.3", "not understand"),
        ):
            with self.subTest(version), http_server(gateway(version, unknown=("JobTypes",))) as address:
                with self.assertRaisesRegex(SchemaMismatchError, word):
                    connect(brief_client(address), "1.2.0")

    def test_knows_another_service_by_its_health(self) -> None:
        with http_server(lambda request: request.reply(200, {"status": "UP"})) as address:
            with self.assertRaisesRegex(NotAGatewayError, "not a Tablao gateway"):
                connect(brief_client(address), "1.2.0")

    def test_passes_on_why_the_gateway_refuses_the_name(self) -> None:
        refusal = {"errors": [{"message": 'The Host "farm" is refused.', "extensions": {"code": "FORBIDDEN"}}]}
        with http_server(lambda request: request.reply(403, refusal)) as address:
            with self.assertRaisesRegex(NotAGatewayError, 'The Host "farm" is refused'):
                connect(brief_client(address), "1.2.0")


class Versions(unittest.TestCase):
    def test_do_not_differ_by_their_last_number(self) -> None:
        self.assertEqual(compare_versions("1.2.3", "1.2.0"), 0)
        self.assertLess(compare_versions("1.9.0", "1.10.0"), 0)
        self.assertGreater(compare_versions("2.0.0-beta.1", "1.10.0"), 0)
        self.assertIn("update the add-on", describe_difference("2.0.0", "1.0.0") or "")

    def test_are_one_in_manifest_and_bl_info(self) -> None:
        from tablao import bl_info

        self.assertEqual(read_addon_version(), ".".join(map(str, bl_info["version"])))
